"""The bill of materials in CycloneDX 1.6: the same bytes for the same lists, so it can be compared.

It has no moment and no random number in it. What it is made of: the lock files, the licences as
somebody has reviewed them, and the files of others that pages hand out.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

from deploy.supply.lock import Pin, read_npm, read_pins

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
BILL = ROOT / "docs" / "sbom.json"
PROVIDER = ROOT / "tests" / "sign_in" / "provider" / "package-lock.json"
PAGES = {"pypi": "https://pypi.org/project/{}/{}/", "npm": "https://www.npmjs.com/package/{}/v/{}"}
ALGORITHM = {"pypi": "SHA-256", "npm": "SHA-512"}


def read_table(name: str) -> dict[str, Any]:
    """Return a table of this folder, by its name without the ending."""
    return tomllib.loads((HERE / f"{name}.toml").read_text(encoding="utf-8"))


def make_bill() -> str:
    """Return the bill of materials, as text."""
    runtime = read_pins(ROOT / "requirements.txt")
    served = {pin.address for pin in runtime}
    tools = [pin for pin in read_pins(ROOT / "requirements-dev.txt") if pin.address not in served]
    licences = read_table("licences")["libraries"]
    components = [describe(pin, licences[pin.name], "required") for pin in runtime]
    components += [describe(pin, licences[pin.name], "excluded") for pin in tools]
    components += [describe(pin, pin.licence, "excluded") for pin in read_npm(PROVIDER)]
    components += [describe_file(one) for one in read_table("vendored")["file"]]
    bill = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "redress",
                "name": "redress",
                "version": project_version(),
                "licenses": [{"expression": "Apache-2.0"}],
            }
        },
        "components": sorted(components, key=lambda one: str(one["bom-ref"])),
        "dependencies": depend(runtime, tools),
    }
    return spell(bill)


def spell(bill: dict[str, Any]) -> str:
    """Return the bill as text, a line for each component, so that a change is seen as one."""
    parts = []
    for name, value in bill.items():
        if isinstance(value, list):
            lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in value)
            parts.append(f"{json.dumps(name)}: [\n{lines}\n]")
        else:
            parts.append(f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def describe(pin: Pin, licence: str, scope: str) -> dict[str, Any]:
    """Return a library as a component; hashes are those of the files that may be installed."""
    algorithm = ALGORITHM[pin.registry]
    files = [{"alg": algorithm, "content": one} for one in sorted(pin.hashes)]
    page = PAGES[pin.registry].format(pin.name, pin.version)
    where = [{"name": "redress:installed-where", "value": pin.marker}] if pin.marker else []
    return {
        "type": "library",
        "bom-ref": pin.address,
        "name": pin.name,
        "version": pin.version,
        "scope": scope,
        "licenses": [{"expression": licence}],
        "purl": pin.address,
        "externalReferences": [{"type": "distribution", "url": page, "hashes": files}],
        **({"properties": where} if where else {}),
    }


def describe_file(one: dict[str, str]) -> dict[str, Any]:
    """Return a file of others that pages hand out, as a component."""
    return {
        "type": "file",
        "bom-ref": f"file:{one['path']}",
        "name": one["path"],
        "version": one["version"],
        "hashes": [{"alg": "SHA-256", "content": one["sha256"]}],
        "licenses": [{"expression": one["licence"]}],
        "externalReferences": [{"type": "vcs", "url": one["upstream"]}],
    }


def depend(runtime: list[Pin], tools: list[Pin]) -> list[dict[str, Any]]:
    """Return which library asks for which."""
    pins = [*runtime, *tools]
    versions: dict[str, list[str]] = {}
    for pin in pins:
        versions.setdefault(pin.name, []).append(pin.address)
    wants: dict[str, set[str]] = {"redress": set()} | {pin.address: set() for pin in pins}
    for pin in pins:
        for parent in pin.wanted_by:
            for address in versions.get(parent, []):
                wants[address].add(pin.address)
        if pin.is_own:
            wants["redress"].add(pin.address)
    return [{"ref": ref, "dependsOn": sorted(on)} for ref, on in sorted(wants.items())]


def project_version() -> str:
    """Return the version of the project."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return str(tomllib.loads(text)["project"]["version"])


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
