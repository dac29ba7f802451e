import { type FormEvent, useRef, useState } from "react";
import { api, dataOf, type Gene, lineOf, type Likelihood } from "../api/client";
import { submit } from "../api/jobs";
import { Problem } from "../problem";
import { go } from "../route";
import { useSession } from "../session";
import { useTexts } from "../settings";
import { type Sequence, take } from "./input";
import { Likelihoods } from "./likelihoods";
import { Options, optionsOf } from "./options";

type Answer =
  | { kind: "genes"; genes: Gene[] }
  | { kind: "likelihoods"; sequences: Sequence[]; found: Likelihood[] };

/** Characters of a pasted VCF beyond which it is taken as a file: browsers are slow to lay out so many lines. */
const MOST_SHOWN = 50_000;

/** Variants, a region, a gene or sequences come in; a job, a map or numbers come out. */
export function Analyse() {
  const text = useTexts();
  const { info } = useSession();
  const form = useRef<HTMLFormElement>(null);
  const [words, setWords] = useState("");
  const [file, setFile] = useState<File | null>(null);
  const [busy, setBusy] = useState(false);
  const [sent, setSent] = useState<number | null>(null);
  const [problem, setProblem] = useState("");
  const [answer, setAnswer] = useState<Answer | null>(null);

  const guarded = async (work: () => Promise<void>) => {
    setBusy(true);
    setProblem("");
    setAnswer(null);
    try {
      await work();
    } catch (error) {
      setProblem(lineOf(error));
    } finally {
      setBusy(false);
      setSent(null);
    }
  };
  const score = async (vcf: Blob, genome: string | null) => {
    const options = { ...optionsOf(form.current), ...(genome && { genome }) };
    options.consequences &&= info.genomes.some(({ name, transcripts }) => name === options.genome && transcripts);
    const job = await submit("score", vcf, options, setSent);
    go(`/job/${job.id}`);
  };
  const start = async () => {
    if (file) return score(file, null);
    if (!words.trim()) throw new Error(text.analyse.empty);
    const taken = take(words);
    if (!taken) throw new Error(text.analyse.unknown);
    const { model, genome } = optionsOf(form.current);
    if (taken.kind === "vcf" || taken.kind === "variants") return score(new Blob([taken.vcf]), null);
    if (taken.kind === "sequences") return setAnswer(await likelihoods(taken.sequences, model));
    if (!genome) throw new Error(text.analyse.noGenome);
    if (taken.kind === "region") return go(regionPath(genome, model, taken.chrom, taken.start, taken.end));
    if (!info.genomes.find(({ name }) => name === genome)?.genes) throw new Error(text.analyse.noGenes);
    const genes = await named(genome, taken.name);
    if (!genes.length) throw new Error(text.analyse.noGene(taken.name));
    setAnswer({ kind: "genes", genes });
  };
  const example = info.genomes.find(({ build }) => build === "GRCh37");
  const runExample = async () => {
    const { default: vcf } = await import("./example");
    if (example) await score(new Blob([vcf]), example.name);
  };

  return (
    <>
      <h1>{text.analyse.title}</h1>
      <p className="lead">{text.analyse.lead}</p>
      {!info.genomes.length && <p className="note">{text.analyse.noGenome}</p>}
      <form
        ref={form}
        className="card"
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          void guarded(start);
        }}
        onDragOver={(event) => event.preventDefault()}
        onDrop={(event) => {
          event.preventDefault();
          setFile(event.dataTransfer.files[0] ?? null);
        }}
      >
        <label>
          {text.analyse.input}
          <textarea
            rows={7}
            spellCheck={false}
            placeholder={text.analyse.placeholder}
            value={words}
            disabled={file !== null}
            onChange={(event) => setWords(event.target.value)}
            onPaste={(event) => {
              const pasted = event.clipboardData.getData("text");
              if (pasted.length < MOST_SHOWN || take(pasted)?.kind !== "vcf") return;
              event.preventDefault();
              setFile(new File([pasted], text.analyse.pasted));
            }}
          />
        </label>
        <TakenAs words={words} />
        <div className="row">
          <label className="button">
            {text.analyse.choose}
            <input
              className="unseen"
              type="file"
              accept=".vcf,.gz,.bgz,.bcf"
              onChange={(event) => setFile(event.target.files?.[0] ?? null)}
            />
          </label>
          {file ? (
            <span className="chip">
              {file.name}
              <button type="button" aria-label={text.variant.close} onClick={() => setFile(null)}>
                ×
              </button>
            </span>
          ) : (
            <span className="quiet">{text.analyse.drop}</span>
          )}
          <span className="push" />
          <button
            type="button"
            disabled={busy || !example}
            title={example ? undefined : text.analyse.noExample}
            onClick={() => void guarded(runExample)}
          >
            {text.analyse.example}
          </button>
        </div>
        <Options />
        <div className="row">
          <button className="main" disabled={busy}>
            {busy ? text.loading : text.analyse.start}
          </button>
          {sent !== null && (
            <span role="status" className="row">
              <progress max={1} value={sent} aria-label={text.analyse.uploading(percent(sent))} />
              {sent < 1 ? text.analyse.uploading(percent(sent)) : text.analyse.checking}
            </span>
          )}
        </div>
      </form>
      {problem && <Problem line={problem} />}
      {answer?.kind === "genes" && <Genes genes={answer.genes} form={form.current} />}
      {answer?.kind === "likelihoods" && <Likelihoods sequences={answer.sequences} found={answer.found} />}
    </>
  );
}

function percent(share: number): string {
  return `${Math.floor(100 * share)} %`;
}

function TakenAs({ words }: { words: string }) {
  const text = useTexts();
  const taken = words.trim() ? take(words) : null;
  return (
    <p className="quiet" aria-live="polite">
      {taken && text.analyse.taken(text.analyse.kinds[taken.kind])}
    </p>
  );
}

function Genes({ genes, form }: { genes: Gene[]; form: HTMLFormElement | null }) {
  const text = useTexts();
  const { model, genome } = optionsOf(form);
  return (
    <section className="card">
      <h2>{text.analyse.genes}</h2>
      <ul className="plain">
        {genes.slice(0, 20).map((gene) => (
          <li key={`${gene.name}:${gene.chrom}:${gene.start}`}>
            <a href={`#${regionPath(genome ?? "", model, gene.chrom, gene.start, gene.end)}`}>{gene.name}</a>{" "}
            <span className="quiet">
              {gene.chrom}:{(gene.start + 1).toLocaleString()}-{gene.end.toLocaleString()} ({gene.strand})
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Genes of a genome whose names begin so. */
export async function named(genome: string, prefix: string): Promise<Gene[]> {
  const params = { path: { genome }, query: { prefix } };
  return dataOf(await api.GET("/v1/genomes/{genome}/genes/named", { params })).genes;
}

async function likelihoods(sequences: Sequence[], model: string): Promise<Answer> {
  const body = { sequences: sequences.map(({ bases }) => bases), model, strands: "forward" as const };
  const { likelihoods: found } = dataOf(await api.POST("/v1/likelihood", { body }));
  return { kind: "likelihoods", sequences, found };
}

function regionPath(genome: string, model: string, chrom: string, start: number, end: number): string {
  return `/region?${new URLSearchParams({ genome, model, chrom, start: String(start), end: String(end) })}`;
}
