do $make$
declare
    whose text;
begin
    select coalesce(obj_description(oid, 'pg_namespace'), '')
      into whose
      from pg_namespace
     where nspname = '{{ inputs.schema }}';
    if not found then
        create schema "{{ inputs.schema }}";
        comment on schema "{{ inputs.schema }}" is '{{ inputs.mark }}';
    elsif whose <> '{{ inputs.mark }}' then
        raise exception 'the schema {{ inputs.schema }} is there already, and somebody else''s';
    end if;
end
$make$;
