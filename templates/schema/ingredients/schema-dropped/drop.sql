do $drop$
begin
    if exists (
        select from pg_namespace
         where nspname = '{{ inputs.schema }}'
           and obj_description(oid, 'pg_namespace') = '{{ inputs.mark }}'
    ) then
        drop schema "{{ inputs.schema }}" cascade;
    end if;
end
$drop$;
