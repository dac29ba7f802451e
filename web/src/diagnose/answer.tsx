import { shortened } from "../analyse/table";
import { Fact } from "../analyse/variant";
import type { Diagnosis, Known } from "../api/client";
import { Shares } from "../charts/shares";
import { save } from "../save";
import { useTexts } from "../settings";

/** What has been answered so far; `whole` once all has. */
export interface Found {
  ranking?: Diagnosis["ranking"];
  evidence?: Known | null;
  text: string;
  whole?: Diagnosis;
}

/** The answer, what the model says, and what else is known of the variant. */
export function AnswerView({ found, busy }: { found: Found; busy: boolean }) {
  const text = useTexts().diagnose;
  const { ranking, evidence, whole } = found;
  return (
    <>
      {ranking?.[0] && (
        <section className="card" aria-label={text.answer}>
          <div className="row">
            <h2>{text.answer}</h2>
            <span className="push" />
            {whole && (
              <button type="button" onClick={() => save("diagnosis.json", JSON.stringify(whole, null, 1), "application/json")}>
                JSON
              </button>
            )}
          </div>
          <p className="answer">
            {ranking[0].label} <span className="quiet">{percent(ranking[0].probability)}</span>
          </p>
          <Shares shares={ranking.map(({ label, probability }) => ({ name: label, share: probability }))} label={text.ofRanking} file="ranking" />
        </section>
      )}
      {(found.text || (busy && !whole)) && <Speech found={found} />}
      {evidence && <EvidenceView evidence={evidence} />}
    </>
  );
}

function Speech({ found: { text: said, whole } }: { found: Found }) {
  const text = useTexts().diagnose;
  return (
    <section className="card" aria-label={text.speech} aria-busy={!whole}>
      <h2>{text.speech}</h2>
      {(!whole?.spoken || whole.reasoning) && <p className="speech">{whole?.reasoning ?? said}</p>}
      {whole?.spoken && (
        <p>
          <strong>{text.spoken}</strong> {whole.spoken}
        </p>
      )}
      {whole && <Agreement whole={whole} />}
    </section>
  );
}

function Agreement({ whole }: { whole: Diagnosis }) {
  const text = useTexts().diagnose;
  const line = !whole.spoken
    ? text.noAnswerLine
    : !whole.spoken_is_label
      ? text.notALabel
      : whole.spoken !== whole.answer
        ? text.disagree
        : "";
  return line ? <p className="note">{line}</p> : null;
}

function EvidenceView({ evidence }: { evidence: Known }) {
  const all = useTexts();
  const text = all.diagnose;
  const { variant, genome, llr, status, percentile, gene, consequences, tracks, pathway } = evidence;
  const facts: [string, string][] = [
    [text.ways.variant, variant ? `${variant.chrom}:${variant.pos.toLocaleString("en")} ${variant.ref}>${variant.alt} (${genome})` : ""],
    [all.results.columns.gene, gene ?? (consequences ? text.betweenGenes : "")],
    [all.results.columns.llr, llr === null ? (status ?? "") : all.variant.nats(llr.toFixed(4))],
    [all.results.columns.pct, percentile === null ? "" : all.variant.percentile(percentile.toFixed(1))],
  ];
  return (
    <section className="card" aria-label={text.evidence}>
      <h2>{text.evidence}</h2>
      <dl className="facts">
        {facts.map(([name, value]) => value && <Fact key={name} name={name} value={value} />)}
      </dl>
      {consequences && consequences.length > 0 && (
        <>
          <h3>{all.results.columns.consequence}</h3>
          <ul className="plain">
            {consequences.map((each, index) => (
              <li key={index}>
                {shortened(each.terms.join("&"))}{" "}
                <span className="quiet">
                  {[each.impact, each.gene, each.transcript, changeOf(each)].filter(Boolean).join(" · ")}
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
      {tracks && tracks.length > 0 && <Tracks tracks={tracks} />}
      {pathway && (
        <>
          <h3>{text.pathway}</h3>
          <p className="speech quiet">{pathway}</p>
        </>
      )}
    </section>
  );
}

function Tracks({ tracks }: { tracks: NonNullable<Known["tracks"]> }) {
  const text = useTexts().diagnose;
  return (
    <>
      <h3>{text.tracks}</h3>
      <div className="scroll">
        <table>
          <thead>
            <tr>
              <th>{text.track}</th>
              <th className="number">REF</th>
              <th className="number">ALT</th>
              <th className="number">log₂ ALT/REF</th>
            </tr>
          </thead>
          <tbody>
            {tracks.map(({ track, lfc, ref, alt }) => (
              <tr key={track}>
                <td>{track}</td>
                <td className="number">{ref.toPrecision(4)}</td>
                <td className="number">{alt.toPrecision(4)}</td>
                <td className="number">{lfc.toFixed(4)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

/** The question in full, and which models answered it. */
export function Question({ whole }: { whole: Diagnosis }) {
  const text = useTexts().diagnose;
  return (
    <details className="card">
      <summary>{text.asked}</summary>
      <p className="speech">{whole.question}</p>
      <ul className="plain mono">
        <li>
          {whole.model} ({whole.mode}) {whole.model_sha256.slice(0, 12)}
        </li>
        {Object.entries(whole.bases).map(([kind, { name, sha256 }]) => (
          <li key={kind}>
            {kind}: {fileOf(name)} {sha256.slice(0, 12)}
          </li>
        ))}
      </ul>
      <p className="quiet">{whole.notice}</p>
    </details>
  );
}

function changeOf({ protein_position: place, amino_acids: acids }: NonNullable<Known["consequences"]>[number]): string {
  const [before, after = "="] = acids?.split("/") ?? [];
  return place && before ? `p.${before}${place}${after}` : "";
}

/** A model's name, without the folders that it lies in. */
export function fileOf(name: string): string {
  return name.split("/").at(-1) ?? name;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
