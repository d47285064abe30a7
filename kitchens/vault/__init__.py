"""Where secrets live: an encrypted file, or the caller's environment. Recipes hold references only.

opened ──> file_vault ──> keys (the one home of the age library)
   └─────> environment_vault
"""
