"""The variant report as a file: self-contained, safe, deterministic, bounded, complete."""

import random
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

from cistron.genome.annotation import GeneModel
from cistron.reports.variants import ReportRow, write_variant_report

GENE = GeneModel("GENE1", "20", "+", ((90, 130), (180, 420)), ((110, 130), (180, 300)))
FACTS = {"title": "a report", "model_facts": {"name": "default"}, "run_facts": {"width": "1,024 bp"}}
VOID = {"meta", "br", "input", "img", "hr", "link"}


def row(pos=100, llr=-1.0, **changes):
    fields = {
        "chrom": "20",
        "pos": pos,
        "ref": "A",
        "alt": "G",
        "llr": llr,
        "flank": None if llr is None else llr / 2,
        "status": None,
        "name": "",
        "label": "",
        "group": "SNV",
    }
    return ReportRow(**{**fields, **changes})


class Page(HTMLParser):
    """A parsed page; refuses tags that do not close in order and ids that occur twice."""

    def __init__(self, text):
        super().__init__()
        self.text, self.open, self.tags, self.cells = text, [], [], []
        self.feed(text)
        self.close()
        assert self.open == []
        ids = [value for _, attributes in self.tags for name, value in attributes.items() if name == "id"]
        assert len(ids) == len(set(ids))

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.cells.append(data)

    @property
    def rows(self):
        table = self.text.partition('<table id="alleles"')[2].partition("</table>")[0]
        return re.findall(r"<tr>(.*?)</tr>", table.partition("<tbody>")[2])


@pytest.fixture
def report(tmp_path):
    def write(rows, **options):
        path = tmp_path / "report.html"
        write_variant_report(path, rows, **{**FACTS, **options})
        return Page(path.read_text(encoding="utf-8"))

    return write


def assorted(count, seed=0):
    draw = random.Random(seed)
    for number in range(count):
        group = draw.choice(["SNV", "deletion", "insertion"])
        scored = number % 50 != 0
        llr = draw.gauss(-1, 1) if scored else None
        yield row(1 + number * 10, llr, group=group, status=None if scored else "N_WINDOW")


@pytest.mark.parametrize("rows", [[], [row()], list(assorted(30)), list(assorted(3000))])
def test_page_asks_for_nothing_outside_itself(report, rows):
    page = report(rows, genes=[GENE])
    assert "http:" not in page.text
    assert "https:" not in page.text
    assert "@import" not in page.text
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "img", "object")
        assert "src" not in attributes
        assert all(value.startswith("#") for name, value in attributes.items() if name.endswith("href"))
    assert "default-src 'none'" in page.text


def test_markup_in_the_input_is_shown_and_not_obeyed(report):
    evil = "<script>alert(1)</script>&\"'"
    rows = [row(100 + n, -n, name=evil, label=evil, group=evil, chrom=evil, ref="<DEL>") for n in range(4)]
    rows.append(row(500, None, status=evil))
    page = report(rows, title=evil, model_facts={evil: evil}, run_facts={evil: evil})
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert "alert(1)</script>" not in page.text
    assert evil in page.cells


def test_a_dollar_sign_or_a_letter_without_glyph_in_a_name_is_drawn_as_it_is(report):
    page = report([row(100, -1, name="$x_1^2$"), row(120, -2, name="変異")])
    drawing = page.text.partition("<svg")[2].partition("</svg>")[0]
    assert "$x_1^2$" in drawing
    assert "変異" in drawing


def test_same_rows_give_the_same_bytes(tmp_path):
    paths = [tmp_path / "one.html", tmp_path / "two.html"]
    for path in paths:
        write_variant_report(path, assorted(5000), genes=[GENE], **FACTS)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_no_rows_give_a_valid_page(report):
    page = report([])
    assert "<svg" not in page.text
    assert "nothing to draw" in page.text
    assert "1,024 bp" in page.text


def test_rows_without_score_alone_give_a_valid_page_with_reasons(report):
    page = report([row(100, None, status="REF_MISMATCH"), row(200, None, status=None)])
    assert "<svg" not in page.text
    assert page.cells.count("REF_MISMATCH") == 1
    assert "no reason given" in page.text
    assert len(page.rows) == 2


def test_alleles_without_score_are_counted_and_listed_with_their_reason(report):
    page = report([row(100, -1), row(200, None, status="SPANNING"), row(300, None, status="SPANNING")])
    assert '<code>SPANNING</code></th><td class="number">2</td>' in page.text
    assert sum("SPANNING" in text for text in page.rows) == 2


def test_table_holds_every_allele_lowest_first_and_unscored_last(report):
    page = report([row(1, 0.5), row(2, None, status="IUPAC"), row(3, -2.25), row(4, -0.125)])
    positions = [int(re.search(r'data-value="20:(\d+)"', text)[1]) for text in page.rows]
    assert positions == [3, 4, 1, 2]
    assert "−2.250" in page.rows[0]
    assert "+0.500" in page.rows[2]


def test_long_table_keeps_exactly_the_most_negative_alleles(report):
    rows = list(assorted(2000))
    page = report(rows, max_table_rows=100)
    scored = sorted((r.llr, r.pos) for r in rows if r.llr is not None)
    expected = [pos for _, pos in scored[:90]] + [r.pos for r in rows if r.llr is None][:10]
    assert [int(re.search(r'data-value="20:(\d+)"', text)[1]) for text in page.rows] == expected
    assert "100 of 2,000 alleles" in page.text


def test_headline_counts_are_exact_however_long_the_input(report):
    rows = list(assorted(7000))
    page = report(rows, max_table_rows=10)
    scored = [r.llr for r in rows if r.llr is not None]
    below = 100 * sum(llr < 0 for llr in scored) / len(scored)
    for text in ("7,000", f"{len(scored):,}", f"{7000 - len(scored):,}", f"{below:.1f} %"):
        assert f"<dd>{text}<small>" in page.text


class CountedRow(ReportRow):
    """A row that knows how many of its kind are alive."""

    __slots__ = ()
    alive = 0

    def __del__(self):
        CountedRow.alive -= 1


def test_memory_and_page_do_not_grow_with_the_input(tmp_path):
    most = 0

    def stream(count):
        nonlocal most
        for number in range(count):
            llr = (number * 7919 % 4001 - 2500) / 1000
            group = ("SNV", "SNV", "deletion")[number % 3]
            CountedRow.alive += 1
            most = max(most, CountedRow.alive)
            yield CountedRow("20", 10 * number, "A", "G", llr, llr, None, "", "", group)

    paths = {count: tmp_path / f"{count}.html" for count in (20_000, 200_000)}
    for count, path in paths.items():
        write_variant_report(path, stream(count), **FACTS)
    # 2,000 each for the table, the plot along the genome and either class.
    assert most <= 4 * 2_000 + 2
    sizes = [path.stat().st_size for path in paths.values()]
    assert sizes[1] < 1.1 * sizes[0]
    assert sizes[1] < 1_500_000


def test_few_alleles_are_all_named_in_the_first_figure_with_their_gene(report):
    rows = [row(190 + 2 * n, -n / 10, name=f"p.A{n}V", label="high_penetrance") for n in range(50)]
    page = report(rows, genes=[GENE])
    drawing = page.text.partition("<svg")[2].partition("</svg>")[0]
    texts = set(re.findall(r">([^<>]+)</text>", drawing))
    assert {f"A{n}V" for n in range(50)} <= texts
    assert {"GENE1 →", "high penetrance"} <= texts


def test_a_figure_says_in_words_what_it_shows(report):
    page = report([row(100, -1, name="p.A1V"), row(110, -3, name="p.A2V")])
    said = [attributes["aria-label"] for tag, attributes in page.tags if tag == "svg"]
    assert len(said) == 2
    assert "Lowest: A2V, -3.00 nats" in said[0]
    assert "SNV -2.00" in said[1]


def test_many_contigs_classes_and_reasons_stay_within_bounds(report):
    rows = [
        row(
            1 + n,
            None if n % 3 == 0 else -n / 100,
            chrom=f"c{n % 90}",
            group=f"g{n % 50}",
            status=f"S{n % 70}",
        )
        for n in range(900)
    ]
    page = report(rows, max_table_rows=50)
    assert page.text.count("<code>") <= 21
    assert "further contigs" in page.text
    assert len(page.text) < 400_000


def test_a_failing_iterator_leaves_no_file(tmp_path):
    def broken():
        yield row()
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        write_variant_report(tmp_path / "report.html", broken(), **FACTS)
    assert list(tmp_path.iterdir()) == []


def test_script_runs_under_the_page_policy_in_a_browser(tmp_path):
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("needs chromium on the PATH")
    path = tmp_path / "report.html"
    write_variant_report(path, assorted(20), **FACTS)
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
    command += ["--disable-background-networking", "--disable-component-update"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "20 of 20 rows" in done.stdout
    assert done.stdout.count("<button") == 6
