"""Finding what an input names, or refusing with what is there."""

from releases.errors import DO_NOT_RETRY, NotFound, Problem
from releases.models import Deployment, Environment, Release, Service


def listed_service(key: str) -> Service:
    service = Service.objects.filter(key=key, listed=True).first()
    if service is None:
        known = ", ".join(Service.objects.filter(listed=True).values_list("key", flat=True)[:20]) or "none yet"
        raise NotFound(_missing("service", key, f"a service of the catalogue ({known})"))
    return service


def listed_environment(service_key: str, key: str) -> Environment:
    environment = (
        Environment.objects.select_related("service", "live__release")
        .filter(service__key=service_key, service__listed=True, key=key, listed=True)
        .first()
    )
    if environment is None:
        service = listed_service(service_key)
        known = ", ".join(service.environments.filter(listed=True).values_list("key", flat=True)[:20]) or "none"
        raise NotFound(_missing("environment", key, f"an environment of {service.key} ({known})"))
    return environment


def registered_release(service: Service, version: str) -> Release:
    release = Release.objects.filter(service=service, version=version).first()
    if release is None:
        raise NotFound(_missing("version", version, f"a registered release of {service.key}; register it first"))
    return release


def known_deployment(pk: int) -> Deployment:
    deployment = Deployment.objects.select_related("release__service", "environment__service").filter(pk=pk).first()
    if deployment is None:
        raise NotFound(_missing("deployment", f"D-{pk}", "the number of a deployment that was started"))
    return deployment


def _missing(field: str, got: str, expected: str) -> Problem:
    return Problem("not_found", f"There is no {field} {got}.", expected, field=field, got=got, retry=DO_NOT_RETRY)
