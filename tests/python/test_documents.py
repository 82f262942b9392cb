"""Documents agree with the tree: links, and the files and terms that they name, exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.any_python

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("docs", "models", "fuzz", "bench", "examples", "tests", "include", "src", "python")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("[!.]*.md"))])
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")


def anchors(text: str) -> set[str]:
    """The anchors of headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def linked_files(document: Path) -> set[Path]:
    links = LINK.findall(document.read_text())
    return {(document.parent / target).resolve() for target, _anchor in links if target and "://" not in target}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_of_a_document_lead_to_files_and_headings(document: Path) -> None:
    for target, anchor in LINK.findall(document.read_text()):
        if "://" in target:
            continue
        found = (document.parent / target).resolve() if target else document
        assert found.exists(), target
        if anchor:
            assert anchor in anchors(found.read_text()), f"{target}#{anchor}"


def test_readme_leads_to_every_document() -> None:
    seen: set[Path] = set()
    unread = {ROOT / "README.md"}
    while unread:
        document = unread.pop()
        seen.add(document)
        targets = linked_files(document)
        pages = {page for target in targets for page in (target.glob("*.md") if target.is_dir() else [target])}
        unread |= {page for page in pages if page.suffix == ".md" and page.exists()} - seen
    assert not [path.relative_to(ROOT) for path in DOCUMENTS if path not in seen]


def test_files_that_architecture_names_exist() -> None:
    for line in (ROOT / "docs" / "architecture.md").read_text().splitlines():
        if not line.startswith("| `"):
            continue
        folders = re.findall(r"`([\w/]+)`", line.split("|")[1])
        assert all((ROOT / folder).is_dir() for folder in folders), line
        for name in re.findall(r"`([\w/*]+(?:\.(?:c|h|py)|/))`", line.split("|", 2)[2]):
            assert any([*(ROOT / folders[0]).glob(name), *ROOT.glob(name)]), name


def test_terms_of_the_glossary_are_used() -> None:
    terms = re.findall(
        r"^\| ([\w, ]+) \| ", (ROOT / "docs" / "glossary.md").read_text().split("## Identities")[0], re.MULTILINE
    )
    sources = [
        path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in (".c", ".h", ".py", ".md")
    ]
    texts = "\n".join(path.read_text() for path in sources if path.name != "glossary.md").lower().replace("_", " ")
    names = [name for term in terms if term != "term" for name in term.split(", ")]
    assert len(names) > 30
    assert [name for name in names if not re.search(rf"\b{name[:-1] if name.endswith('e') else name}", texts)] == []
