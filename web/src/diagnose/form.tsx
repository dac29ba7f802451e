import { type FormEvent, useState } from "react";
import { readFasta, type Variant, variantOf } from "../analyse/input";
import { useSession } from "../session";
import { useTexts } from "../settings";

/** What the service is asked. */
export type Asked = Dna & {
  model: string;
  question?: string;
  max_length: number;
  temperature: number;
  seed: number;
};

type Dna =
  | { variant: Variant; genome: string }
  | { reference_sequence: string; variant_sequence: string };

interface Props {
  query: URLSearchParams;
  busy: boolean;
  start: (asked: Asked) => void;
  refuse: (line: string) => void;
  stop: () => void;
}

const SPOKEN = 256;

/** Asks for the DNA, a question, and how the model shall answer. */
export function QuestionForm({ query, busy, start, refuse, stop }: Props) {
  const text = useTexts().diagnose;
  const { info } = useSession();
  const [by, setBy] = useState<"variant" | "sequences">(info.genomes.length ? "variant" : "sequences");
  const [model, setModel] = useState(info.fusions[0]?.name ?? "");
  const [speaks, setSpeaks] = useState(true);
  const fusion = info.fusions.find(({ name }) => name === model);
  const canSpeak = fusion?.mode !== "dna";
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const said = new FormData(event.currentTarget);
    const word = (name: string) => String(said.get(name) ?? "").trim();
    const dna = by === "variant" ? alleleOf(word("variant"), word("genome")) : pairOf(word("reference"), word("changed"));
    if (!dna) return refuse(by === "variant" ? text.badVariant : text.badSequences);
    start({
      ...dna,
      model,
      ...(word("question") && { question: word("question") }),
      max_length: canSpeak && speaks ? Number(word("max_length")) : 0,
      temperature: Number(word("temperature") || 0),
      seed: Number(word("seed") || 0),
    });
  };
  return (
    <form className="card" onSubmit={submit}>
      <fieldset className="row">
        <legend className="unseen">{text.by}</legend>
        {(["variant", "sequences"] as const).map((each) => (
          <label key={each} className="check">
            <input
              type="radio"
              name="by"
              checked={by === each}
              disabled={each === "variant" && !info.genomes.length}
              onChange={() => setBy(each)}
            />
            {text.ways[each]}
          </label>
        ))}
      </fieldset>
      {by === "variant" ? <AlleleFields query={query} /> : <PairFields />}
      <label>
        {text.question}
        <textarea
          name="question"
          rows={3}
          disabled={fusion?.question === "nameless"}
          maxLength={info.limits["question"]}
          placeholder={fusion?.question === "nameless" ? text.nameless : text.usual}
        />
      </label>
      <div className="fields">
        <label>
          {text.model}
          <select value={model} onChange={(event) => setModel(event.target.value)}>
            {info.fusions.map(({ name, labels }) => (
              <option key={name} value={name}>
                {text.option(name, labels)}
              </option>
            ))}
          </select>
        </label>
        {canSpeak && (
          <label className="check">
            <input type="checkbox" checked={speaks} onChange={(event) => setSpeaks(event.target.checked)} />
            {text.speaks}
          </label>
        )}
      </div>
      {canSpeak && speaks && <SpeechFields most={info.limits["spoken"] ?? SPOKEN} />}
      <div className="row">
        {busy ? (
          <button type="button" onClick={stop}>
            {text.stop}
          </button>
        ) : (
          <button className="main">{text.start}</button>
        )}
        {busy && <span role="status">{text.working}</span>}
      </div>
    </form>
  );
}

function AlleleFields({ query }: { query: URLSearchParams }) {
  const text = useTexts();
  const { genomes } = useSession().info;
  const word = (name: string) => query.get(name) ?? "";
  const given = word("pos") ? `${word("chrom")}:${word("pos")} ${word("ref")}>${word("alt")}` : "";
  return (
    <div className="fields">
      <label>
        {text.diagnose.ways.variant}
        <input name="variant" className="mono" defaultValue={given} placeholder="chr20:4680251 A>G" required />
      </label>
      <label>
        {text.analyse.genome}
        <select name="genome" defaultValue={word("genome") || genomes[0]?.name}>
          {genomes.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
    </div>
  );
}

function PairFields() {
  const text = useTexts().diagnose;
  return (
    <div className="pair">
      {(["reference", "changed"] as const).map((name) => (
        <label key={name}>
          {text[name]}
          <textarea name={name} rows={4} spellCheck={false} placeholder="ACGT…" required />
        </label>
      ))}
    </div>
  );
}

function SpeechFields({ most }: { most: number }) {
  const text = useTexts();
  return (
    <details>
      <summary>{text.analyse.options}</summary>
      <div className="fields">
        <label>
          {text.diagnose.length}
          <input name="max_length" type="number" min={1} max={most} defaultValue={Math.min(SPOKEN, most)} />
        </label>
        <label>
          {text.generate.temperature}
          <input name="temperature" type="number" min={0} max={100} step="any" defaultValue={0} />
        </label>
        <label>
          {text.generate.seed}
          <input name="seed" type="number" min={0} defaultValue={0} />
        </label>
      </div>
    </details>
  );
}

function alleleOf(line: string, genome: string): Dna | null {
  const variant = variantOf(line);
  return variant && { variant, genome };
}

function pairOf(reference: string, changed: string): Dna | null {
  const [one, other] = [basesOf(reference), basesOf(changed)];
  return one && other ? { reference_sequence: one, variant_sequence: other } : null;
}

/** The bases of a FASTA with one sequence, or of plain text; null where it is neither. */
function basesOf(text: string): string | null {
  const records = text.startsWith(">") ? readFasta(text) : [{ bases: text.replace(/\s+/g, "").toUpperCase() }];
  const [first, second] = records ?? [];
  return first && !second && /^[ACGTN]+$/.test(first.bases) ? first.bases : null;
}
