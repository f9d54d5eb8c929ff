"""What goes with a released binary: the list of crates in it, the bill of materials, the licences, the same bytes again."""

import json
import os
import re
import subprocess
import tomllib
import zlib
from collections import Counter
from pathlib import Path

import pytest
from harness import MUSL, REPORTS, exec_probe, misused, tool

REPOSITORY = Path(__file__).parents[3]
BUILT = Path(os.environ["E2E_SUPPLY"])
REGISTRY = Path(os.environ["E2E_CRATES"])
LOCK = tomllib.loads((REPOSITORY / "Cargo.lock").read_text())
LOCKED = {(crate["name"], crate["version"]): crate for crate in LOCK["package"]}
# The list itself, compressed; what else changes is where things lie.
MOST_GROWTH = 8 * 1024
PERMISSION = re.compile(r"Permission (is hereby granted|to use, copy)|Redistribution and use|Apache License|licensed under")


def crates(file) -> set[tuple[str, str]]:
    """Name and version of each crate that cargo tree told."""
    return {tuple(line.split()) for line in (BUILT / file).read_text().splitlines()}


# exec-probe itself included.
IN_BINARY = crates("crates")
IN_BUILD = crates("build-crates")


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """The list in the released binary: https://github.com/rust-secure-code/cargo-auditable/blob/master/PARSING.md"""
    section = tmp_path_factory.mktemp("section") / "dep-v0"
    dump = [tool("objcopy"), f"--dump-section=.dep-v0={section}", BUILT / "here", "/dev/null"]
    subprocess.run(dump, check=True, capture_output=True)
    return json.loads(zlib.decompress(section.read_bytes()))["packages"]


def test_cargo_tree_tells_crates_of_the_program_and_none_of_the_tests():
    names = {name for name, _ in IN_BINARY}
    assert {"exec-probe", "ureq", "rustls", "ring", "tonic", "tonic-health", "tokio", "hyper", "pico-args", "serde_json"} <= names
    assert not {"rcgen", "axum", "hyper-util", "nix", "cc"} & names
    assert IN_BINARY < IN_BUILD < LOCKED.keys()


def test_the_released_binary_lists_its_crates_and_no_other(audited):
    listed = [(package["name"], package["version"]) for package in audited]
    assert sorted(listed) == sorted(IN_BUILD)
    built = {(package["name"], package["version"]) for package in audited if package.get("kind") == "build"}
    assert IN_BUILD - IN_BINARY <= built
    assert not {"ureq", "rustls", "ring", "tonic", "tokio", "hyper"} & {name for name, _ in built}
    assert [package["name"] for package in audited if package.get("root")] == ["exec-probe"]
    assert {package["source"] for package in audited if not package.get("root")} == {"crates.io"}


def test_a_plain_build_has_no_list():
    told = subprocess.run([tool("readelf"), "--wide", "--sections", MUSL], check=True, capture_output=True, text=True)
    assert ".text" in told.stdout
    assert ".dep-v0" not in told.stdout


def test_the_released_binary_is_static_small_and_runs():
    released = BUILT / "here"
    command = [tool("readelf"), "--wide", "--program-headers", "--dynamic", released]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "LOAD" in told
    assert [line for line in told.splitlines() if "INTERP" in line or "NEEDED" in line] == []
    growth = released.stat().st_size - MUSL.stat().st_size
    REPORTS["the list of crates in a released binary"] = [("it adds", f"{growth:,} bytes"), ("allowed", f"{MOST_GROWTH:,}")]
    assert 0 < growth <= MOST_GROWTH
    version = tomllib.loads((REPOSITORY / "Cargo.toml").read_text())["package"]["version"]
    ran = subprocess.run([released, "--version"], env={}, capture_output=True, text=True, timeout=30)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"exec-probe {version}\n", "")
    wanted = misused("no TARGET: wanted one, such as :8080/healthz").about("exec-probe http")
    assert exec_probe("http", binary=released) == wanted


def test_two_builds_in_two_places_give_the_same_bytes():
    here, there = ((BUILT / place).read_bytes() for place in ("here", "there"))
    assert here.startswith(b"\x7fELF")
    differing = sum(one != other for one, other in zip(here, there, strict=False))
    assert (len(here), differing) == (len(there), 0)


def test_the_released_binary_has_as_much_code_as_the_one_that_the_other_groups_test():
    """Sizes alone: the code names addresses of data, which the list moves."""

    def code(binary):
        told = subprocess.run([tool("readelf"), "--wide", "--sections", binary], check=True, capture_output=True, text=True)
        return re.findall(r"(\.text\S*) +PROGBITS +[0-9a-f]+ [0-9a-f]+ ([0-9a-f]+)", told.stdout)

    assert ".text.plain" in dict(code(MUSL))
    assert code(BUILT / "here") == code(MUSL)


def test_the_bill_of_materials_lists_the_crates_of_the_binary_with_checksum_and_licence():
    bill = json.loads((BUILT / "sbom.json").read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    components = bill["components"]
    own = bill["metadata"]["component"]
    assert sorted((one["name"], one["version"]) for one in [own, *components]) == sorted(IN_BINARY)
    for one in components:
        crate = (one["name"], one["version"])
        assert one["purl"] == f"pkg:cargo/{crate[0]}@{crate[1]}"
        assert one["hashes"] == [{"alg": "SHA-256", "content": LOCKED[crate]["checksum"]}]
        assert [list(licence) for licence in one["licenses"]] == [["expression"]], crate


def test_the_bill_of_materials_has_the_same_bytes_wherever_it_is_made():
    assert (BUILT / "sbom.json").read_bytes() == (BUILT / "sbom-there.json").read_bytes()


def test_every_crate_stands_above_its_licence():
    titles = Counter()
    for above, text in sections((BUILT / "LICENSES").read_text()):
        assert text.strip(), above
        # ring has a text besides which only says what is whose.
        titles.update(title for title in above if PERMISSION.search(text))
    found = Counter(crate_of(title) for title in titles if crate_of(title))
    assert found.keys() == {crate for crate in IN_BINARY if crate[0] != "exec-probe"}
    assert {title for title in titles if not crate_of(title)} == {
        "exec-probe (MIT OR Apache-2.0): LICENSE-MIT",
        "exec-probe (MIT OR Apache-2.0): LICENSE-APACHE",
        "Rust's standard library",
        "compiler-builtins, of Rust's standard library",
        "musl",
    }
    # BoringSSL, fiat, once_cell and other bits.
    assert [count for (name, _), count in found.items() if name == "ring"] == [4]


def test_every_licence_is_as_its_crate_has_it():
    for above, text in sections((BUILT / "LICENSES").read_text()):
        for title in above:
            if crate := crate_of(title):
                _, _, file = title.partition("): ")
                [folder, *_] = REGISTRY.glob("*/{}-{}".format(*crate))
                path = folder / file if file else REPOSITORY / "licenses" / crate[0]
                assert text.splitlines() == path.read_text().splitlines(), title


def sections(text) -> list[tuple[list[str], str]]:
    """What each text is for, and the text. The lines between are longer than those that stand in the texts."""
    begin, *parts = re.split(rf"^{'=' * 80}\n", text, flags=re.MULTILINE)
    assert begin == ""
    split = [part.split(f"{'-' * 80}\n", 1) for part in parts]
    return [(above.splitlines(), body) for above, body in split]


def crate_of(title) -> tuple[str, str] | None:
    """Name and version, where a title is that of a crate: `ring 0.17.14 (Apache-2.0 AND ISC): LICENSE`."""
    found = re.match(r"(\S+) (\d+\.\d+\.\d+\S*) \(", title)
    return found and found.groups()
