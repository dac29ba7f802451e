import { useState } from "react";
import { api, type BaseEvidence, dataOf, lineOf } from "../api/client";
import { type Bar, Bars, extentOf } from "../charts/bars";
import { Problem } from "../problem";
import { useTexts } from "../settings";
import type { Asked } from "./form";

const WINDOWS = 16;

/** Which bases of either allele speak for one answer and against another, computed when asked for. */
export function Bases({ asked, labels }: { asked: Asked; labels: string[] }) {
  const text = useTexts();
  const [method, setMethod] = useState<BaseEvidence["method"]>("gradient");
  const [answer, setAnswer] = useState(labels[0] ?? "");
  const [instead, setInstead] = useState(labels[1] ?? "");
  const [moved, setMoved] = useState<BaseEvidence | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const find = async () => {
    setBusy(true);
    setProblem("");
    try {
      const { max_length: _, temperature: __, seed: ___, ...dna } = asked;
      const body = { ...dna, answer, instead: instead || null, method, windows: WINDOWS };
      setMoved(dataOf(await api.POST("/v1/diagnose:evidence", { body })) as BaseEvidence);
    } catch (error) {
      setProblem(lineOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <section className="card" aria-label={text.diagnose.bases}>
      <h2>{text.diagnose.bases}</h2>
      <p className="quiet">{text.diagnose.basesWhy}</p>
      <div className="row">
        <Label name={text.diagnose.speaksFor} labels={labels} chosen={answer} choose={setAnswer} />
        {labels.length > 1 && (
          <Label name={text.diagnose.against} labels={labels} chosen={instead} choose={setInstead} />
        )}
        <label>
          {text.diagnose.method}{" "}
          <select value={method} onChange={(event) => setMethod(event.target.value as BaseEvidence["method"])}>
            {(["gradient", "occlusion"] as const).map((each) => (
              <option key={each} value={each}>
                {text.diagnose.methods[each]}
              </option>
            ))}
          </select>
        </label>
        <button type="button" disabled={busy || answer === instead} onClick={() => void find()}>
          {busy ? text.loading : text.diagnose.find}
        </button>
      </div>
      {problem && <Problem line={problem} />}
      {moved && <Alleles moved={moved} />}
    </section>
  );
}

interface LabelProps {
  name: string;
  labels: string[];
  chosen: string;
  choose: (label: string) => void;
}

function Label({ name, labels, chosen, choose }: LabelProps) {
  return (
    <label>
      {name}{" "}
      <select value={chosen} onChange={(event) => choose(event.target.value)}>
        {labels.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </select>
    </label>
  );
}

function Alleles({ moved }: { moved: BaseEvidence }) {
  const text = useTexts().diagnose;
  const shift = moved.reference.bases.length - moved.variant.bases.length;
  const sides = { reference: barsOf(moved, moved.reference, 0), changed: barsOf(moved, moved.variant, shift) };
  const extent = extentOf([...sides.reference, ...sides.changed]);
  return (
    <>
      {(["reference", "changed"] as const).map((side) => (
        <Bars
          key={side}
          title={text[side]}
          bars={sides[side]}
          label={moved.instead ? text.ofBases(moved.answer, moved.instead) : text.ofBasesAlone(moved.answer)}
          file={`bases-${side}`}
          extent={extent}
        />
      ))}
      <p className="quiet">
        {moved.method}: {moved.meaning}. {text.logLikelihood(moved.answer, moved.log_likelihood.toFixed(3))}
      </p>
      {moved.exchanged && (
        <p className="quiet">{text.exchanged(moved.exchanged.reference.toFixed(3), moved.exchanged.variant.toFixed(3))}</p>
      )}
    </>
  );
}

/** Bars of an allele; behind the site its bases have the places of the reference, which are `shift` away. */
function barsOf({ start, unit }: BaseEvidence, allele: BaseEvidence["reference"], shift: number): Bar[] {
  const { bases, values, site: [first, past] } = allele;
  // Nothing is left of a deleted allele: the base before it is marked.
  const marked = (index: number) => (first < past ? index >= first && index < past : index === first - 1);
  return values.map((value, index) => {
    const letter = bases[index] ?? "";
    const place = ((start ?? 0) + index + 1 + (index < past ? 0 : shift)).toLocaleString("en");
    return { value, letter, name: `${place} ${letter}: ${value.toPrecision(3)} ${unit}`, marked: marked(index) };
  });
}
