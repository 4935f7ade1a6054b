"""The pages and actions, one file per subject, one function per page or action."""
