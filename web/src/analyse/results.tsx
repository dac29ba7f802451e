import { useDeferredValue, useEffect, useMemo, useState } from "react";
import { type Job, lineOf } from "../api/client";
import { Histogram } from "../charts/histogram";
import { Problem } from "../problem";
import { go } from "../route";
import { useSession } from "../session";
import { useTexts } from "../settings";
import { named } from "./analyse";
import { saveReport, saveResult, saveTable } from "./job";
import { choose, columnsOf, fetchRows, isStatus, type Order, type Place, type Row, statusesOf, textOf } from "./table";
import { TableView } from "./tableview";
import { VariantView } from "./variant";

/** The alleles of a finished job: filters, table, distribution, one of them closely, and files. */
export function Results({ job, allele }: { job: Job; allele: string | undefined }) {
  const text = useTexts();
  const [rows, setRows] = useState<Row[] | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    fetchRows(job.id).then(setRows, (error: unknown) => setProblem(lineOf(error)));
  }, [job.id]);
  if (problem) return <Problem line={problem} />;
  if (!rows) return <p className="quiet">{text.loading}</p>;
  return <Alleles job={job} rows={rows} allele={allele} />;
}

function Alleles({ job, rows, allele }: { job: Job; rows: Row[]; allele: string | undefined }) {
  const text = useTexts().results;
  const [words, setWords] = useState("");
  const [least, setLeast] = useState("");
  const [most, setMost] = useState("");
  const [scored, setScored] = useState(false);
  const [order, setOrder] = useState<Order>({ column: "llr", falling: false });
  const gene = useGene(job, words);
  const filter = useDeferredValue(
    useMemo(
      () => ({ words, gene, least: numberIn(least), most: numberIn(most), scored }),
      [words, gene, least, most, scored],
    ),
  );
  const shown = useMemo(() => choose(rows, filter, order), [rows, filter, order]);
  const columns = useMemo(() => columnsOf(rows), [rows]);
  const open = allele === undefined ? undefined : rows[Number(allele)];
  return (
    <>
      <div className="split">
        <section className="card" aria-label={text.title}>
          <div className="row">
            <h2>{text.title}</h2>
            <span className="quiet" aria-live="polite">
              {text.shown(shown.length, rows.length)}
              {gene && ` ${text.inGene(gene.name, `${gene.chrom}:${gene.start + 1}-${gene.end}`)}`}
            </span>
            <span className="push" />
            <Exports job={job} shown={shown} />
          </div>
          <div className="row filters">
            <input
              type="search"
              aria-label={text.search}
              placeholder={text.search}
              value={words}
              onChange={(event) => setWords(event.target.value)}
            />
            <label>
              {text.from} <input type="number" step="any" value={least} onChange={(event) => setLeast(event.target.value)} />
            </label>
            <label>
              {text.to} <input type="number" step="any" value={most} onChange={(event) => setMost(event.target.value)} />
            </label>
            <label className="check">
              <input type="checkbox" checked={scored} onChange={(event) => setScored(event.target.checked)} />{" "}
              {text.scored}
            </label>
          </div>
          <TableView
            rows={shown}
            columns={columns}
            order={order}
            setOrder={setOrder}
            chosen={open?.index}
            open={(row) => go(`/job/${job.id}/${row.index}`)}
          />
        </section>
        <Distribution rows={shown} />
      </div>
      {open && <VariantView key={open.index} job={job} row={open} rows={rows} />}
    </>
  );
}

function Exports({ job, shown }: { job: Job; shown: Row[] }) {
  const text = useTexts().results;
  return (
    <div className="row" role="group" aria-label={text.save}>
      <button type="button" onClick={() => void saveResult(job)}>
        {text.vcf}
      </button>
      <button type="button" onClick={() => saveTable(job, textOf(shown))}>
        {text.tsv}
      </button>
      {job.report && (
        <button type="button" onClick={() => void saveReport(job)}>
          {text.html}
        </button>
      )}
    </div>
  );
}

function Distribution({ rows }: { rows: Row[] }) {
  const text = useTexts().results;
  const llr = useMemo(() => rows.flatMap(({ llr: value }) => (value === null ? [] : [value])), [rows]);
  const pct = useMemo(() => rows.flatMap(({ pct: value }) => (value === null ? [] : [value])), [rows]);
  return (
    <section className="card">
      <h2>{text.distribution}</h2>
      <Histogram values={llr} label={text.ofLlr} file="llr" />
      {pct.length > 0 && <Histogram values={pct} label={text.ofPct} file="percentiles" from={0} to={100} />}
      {llr.length < rows.length && <Unscored rows={rows} count={rows.length - llr.length} />}
    </section>
  );
}

function Unscored({ rows, count }: { rows: Row[]; count: number }) {
  const text = useTexts().results;
  const statuses = [...statusesOf(rows)].sort((a, b) => b[1] - a[1]);
  return (
    <>
      <p className="quiet">{text.unscored(count)}</p>
      <ul className="plain quiet">
        {statuses.map(([status, times]) => (
          <li key={status}>
            <strong className="mono">{status}</strong> {times.toLocaleString("en")}
            {isStatus(status) && ` · ${text.statuses[status]}`}
          </li>
        ))}
      </ul>
    </>
  );
}

/** The gene of exactly that name in a job's genome. */
function useGene(job: Job, words: string): Place | null {
  const { info } = useSession();
  const [gene, setGene] = useState<Place | null>(null);
  const genome = String(job.options["genome"] ?? "");
  const known = info.genomes.some(({ name, genes }) => name === genome && genes);
  const name = words.trim();
  useEffect(() => {
    setGene(null);
    if (!known || !/^[A-Za-z][\w.-]+$/.test(name)) return;
    let late = false;
    const timer = setTimeout(() => {
      named(genome, name).then(
        (genes) => {
          const same = genes.find((each) => each.name.toLowerCase() === name.toLowerCase());
          if (!late) setGene(same ?? null);
        },
        () => undefined,
      );
    }, 250);
    return () => {
      late = true;
      clearTimeout(timer);
    };
  }, [genome, known, name]);
  return gene;
}

function numberIn(text: string): number | null {
  return text.trim() === "" || Number.isNaN(Number(text)) ? null : Number(text);
}
