def plan_landing(repository, branch, old, new): return (repository, branch, old, new)
def carry_out(plan, write_pending):
    r,b,o,n=plan
    write_pending()
    r.refs.move(b,n,o,"land")
def heal(r): return []
