from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from cistron.errors import InputError
from cistron.formats.xlsx import read_xlsx

NAMESPACE = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
SGE = (
    Path(os.environ.get("CISTRON_DATA", Path(__file__).parents[4] / "shared" / "data"))
    / "variants/brca1_sge/41586_2018_461_MOESM3_ESM.xlsx"
)


def _workbook(path: Path, rows: str, shared: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as packed:
        sheet = f"<worksheet {NAMESPACE}><sheetData>{rows}</sheetData></worksheet>"
        packed.writestr("xl/worksheets/sheet1.xml", sheet)
        if shared:
            packed.writestr("xl/sharedStrings.xml", f"<sst {NAMESPACE}>{shared}</sst>")
    return path


def test_every_kind_of_cell_is_read_as_text_and_gaps_are_empty(tmp_path: Path) -> None:
    shared = (
        "<si><t>name</t></si><si><t>score</t></si>"
        "<si><r><t>rich </t></r><r><t>text</t></r><rPh><t>guide</t></rPh></si><si><t>note</t></si>"
    )
    rows = (
        '<row r="1"><c r="A1" t="inlineStr"><is><t>a title</t></is></c></row>'
        '<row r="3"><c r="A3" t="s"><v>0</v></c><c r="B3" t="s"><v>1</v></c>'
        '<c r="AA3" t="s"><v>3</v></c></row>'
        '<row r="4"><c r="A4" t="s"><v>2</v></c><c r="B4"><f>1/8</f><v>1.25E-1</v></c></row>'
        '<row r="5"><c r="B5"/></row>'
        '<row r="6"><c r="A6" t="inlineStr"><is><t>x</t></is></c><c r="AA6" t="str"><v>&lt;y</v></c></row>'
    )
    found = list(read_xlsx(_workbook(tmp_path / "t.xlsx", rows, shared), header=3))
    assert found == [
        {"name": "rich text", "score": "1.25E-1", "note": ""},
        {"name": "x", "score": "", "note": "<y"},
    ]


def test_a_header_that_is_empty_or_repeats_a_name_is_refused(tmp_path: Path) -> None:
    twice = "".join(f'<c r="{column}1"><v>7</v></c>' for column in "AB")
    path = _workbook(tmp_path / "t.xlsx", f'<row r="1">{twice}</row>')
    for header in (1, 2):
        with pytest.raises(InputError, match=f"row {header} of .* is empty or repeats a column name"):
            list(read_xlsx(path, header=header))


def test_what_is_no_spreadsheet_is_refused(tmp_path: Path) -> None:
    text, empty = tmp_path / "text.xlsx", tmp_path / "empty.xlsx"
    text.write_text("a,b\n")
    with zipfile.ZipFile(empty, "w") as packed:
        packed.writestr("readme", "nothing")
    broken = _workbook(tmp_path / "broken.xlsx", "<row")
    for path, message in (
        (tmp_path / "none.xlsx", "there is no file"),
        (text, "not a readable XLSX"),
        (empty, "not a readable XLSX"),
        (broken, "not a readable XLSX"),
    ):
        with pytest.raises(InputError, match=message):
            list(read_xlsx(path))


@pytest.mark.skipif(not SGE.exists(), reason="needs the BRCA1 table of CISTRON_DATA")
def test_the_brca1_table_has_the_published_numbers_of_variants_by_class() -> None:
    classes = [row["func.class"] for row in read_xlsx(SGE, header=3)]
    assert {name: classes.count(name) for name in set(classes)} == {"FUNC": 2821, "INT": 249, "LOF": 823}
