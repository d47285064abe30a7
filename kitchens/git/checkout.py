import os
def write_tree(objects, tree, folder, paths=None):
    def walk(oid, base):
        for e in objects.entries(oid):
            p = f"{base}{e.name}"
            if e.kind == "tree":
                yield from walk(e.oid, p + "/")
            else:
                yield p, e
    for p, e in walk(tree, ""):
        if paths is not None and not any(p == q or p.startswith(q + "/") for q in paths):
            continue
        t = folder / p
        t.parent.mkdir(parents=True, exist_ok=True)
        t.write_bytes(objects.blob(e.oid))
        if e.mode == "100755": t.chmod(0o755)
def refresh_checkout(repository, folder, index, commit):
    repository.git.run("read-tree","--reset","-u",commit,index=index,work_tree=folder)
