"""The verbs that write, one file per subject. The only place that opens a transaction.

Rows change by compare-and-set; state first, effect second, outcome third; never a network call or a command inside a
transaction. A verb refuses with `releases.errors.Refused`.
"""
