"""The catalogue: the operator's TOML file that names services, environments, commands and checklist settings.

It is read on the workers' side only. `load` returns frozen objects or raises with every mistake at once.
"""

from releases.catalogue.commands import Command, CommandTemplate, RenderError, render
from releases.catalogue.load import load
from releases.catalogue.mistakes import CatalogueError, Mistake
from releases.catalogue.objects import (
    Catalogue,
    CatalogueAccount,
    CatalogueEnvironment,
    CatalogueInstance,
    CatalogueReceiver,
    CatalogueService,
    UnknownPlace,
)
from releases.catalogue.readiness import problems

__all__ = [
    "Catalogue",
    "CatalogueAccount",
    "CatalogueEnvironment",
    "CatalogueError",
    "CatalogueInstance",
    "CatalogueReceiver",
    "CatalogueService",
    "Command",
    "CommandTemplate",
    "Mistake",
    "RenderError",
    "UnknownPlace",
    "load",
    "problems",
    "render",
]
