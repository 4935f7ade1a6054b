"""Make the database of the members' site, and its people from JSON on the standard input."""

import json
import sys

import django
from django.contrib.auth import get_user_model
from django.core.management import call_command


def main() -> None:
    django.setup()
    call_command("migrate", verbosity=0)
    for person in json.load(sys.stdin):
        get_user_model().objects.create_user(**person)


if __name__ == "__main__":
    main()
