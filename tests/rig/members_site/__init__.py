"""A small members' site in plain Django, as many services are: its own login view, sessions and CSRF protection."""
