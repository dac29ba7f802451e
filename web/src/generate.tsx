import { type FormEvent, useEffect, useRef, useState } from "react";
import { ask, type Generated, lineOf } from "./api/client";
import { eventsOf } from "./api/events";
import { Problem } from "./problem";
import { save } from "./save";
import { useSession } from "./session";
import { useTexts } from "./settings";
import type { Texts } from "./texts/en";

interface Done {
  done: number;
  total: number;
}

/** A prompt, options, and sequences as they are finished, with what the screen said. */
export function Generate() {
  const text = useTexts().generate;
  const { models } = useSession();
  const stop = useRef<AbortController | null>(null);
  const [progress, setProgress] = useState<Done | null>(null);
  const [found, setFound] = useState<Generated[]>([]);
  const [prompt, setPrompt] = useState("");
  const [problem, setProblem] = useState("");
  useEffect(() => () => stop.current?.abort(), []);

  const start = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const body = bodyOf(new FormData(event.currentTarget));
    setFound([]);
    setProblem("");
    if (!/^[ACGTN]+$/.test(body.prompts[0] ?? "")) return setProblem(text.badPrompt);
    setPrompt(body.prompts[0] ?? "");
    setProgress({ done: 0, total: body.tokens * body.samples });
    stop.current = new AbortController();
    try {
      const headers = { "Content-Type": "application/json" };
      const signal = stop.current.signal;
      const answer = await ask("/v1/generate", { method: "POST", headers, body: JSON.stringify(body), signal });
      for await (const { name, data } of eventsOf(answer)) {
        if (name === "progress") setProgress(data as Done);
        if (name === "sequence") setFound((before) => [...before, data as Generated]);
        if (name === "error") setProblem((data as { detail: string }).detail);
      }
    } catch (error) {
      if (!stop.current.signal.aborted) setProblem(lineOf(error));
    } finally {
      setProgress(null);
    }
  };

  return (
    <>
      <h1>{text.title}</h1>
      <p className="lead">{text.lead}</p>
      <form className="card" onSubmit={(event) => void start(event)}>
        <label>
          {text.prompt}
          <textarea name="prompt" rows={4} required spellCheck={false} defaultValue="ATGGCGAACCTTGGCTGCTGGATG" />
        </label>
        <div className="fields">
          <label>
            {useTexts().analyse.model}
            <select name="model">
              {models.map(({ id }) => (
                <option key={id}>{id}</option>
              ))}
            </select>
          </label>
          <Amount name="tokens" label={text.tokens} value={100} min={1} />
          <Amount name="samples" label={text.samples} value={2} min={1} />
          <Amount name="temperature" label={text.temperature} value={1} min={0} step="any" />
          <Amount name="top_k" label={text.topK} min={1} />
          <Amount name="top_p" label={text.topP} min={0} step="any" />
          <Amount name="seed" label={text.seed} value={0} min={0} />
        </div>
        <div className="row">
          {progress ? (
            <button type="button" onClick={() => stop.current?.abort()}>
              {text.stop}
            </button>
          ) : (
            <button className="main">{text.start}</button>
          )}
          {progress && (
            <span role="status" className="row">
              <progress max={progress.total} value={progress.done} aria-label={text.title} />
              {text.progress(progress.done, progress.total)}
            </span>
          )}
        </div>
      </form>
      {problem && <Problem line={problem} />}
      {found.length > 0 && <Sequences found={found} prompt={prompt} />}
    </>
  );
}

function Amount(props: { name: string; label: string; value?: number; min: number; step?: string }) {
  const { name, label, value, min, step } = props;
  return (
    <label>
      {label}
      <input name={name} type="number" defaultValue={value} min={min} step={step} required={value !== undefined} />
    </label>
  );
}

function Sequences({ found, prompt }: { found: Generated[]; prompt: string }) {
  const text = useTexts().generate;
  const fasta = found
    .filter(({ continuation }) => continuation !== null)
    .map((each) => `>sample_${each.sample_index + 1} screening=${each.screening}\n${prompt}${each.continuation}\n`);
  return (
    <section className="card">
      {found.map((each) => (
        <article key={each.sample_index}>
          <div className="row">
            <h2>{text.sample(each.sample_index + 1)}</h2>
            <span className={`badge ${each.screening}`}>{text.screening[each.screening]}</span>
            {each.continuation && <span className="quiet">{factsOf(each.continuation, each.log_likelihood, text)}</span>}
          </div>
          <p className="sequence">
            {each.refused ?? (
              <>
                <span className="quiet">{prompt}</span>
                {each.continuation}
              </>
            )}
          </p>
        </article>
      ))}
      <button type="button" onClick={() => save("generated.fa", fasta.join(""))}>
        {text.fasta}
      </button>
    </section>
  );
}

function factsOf(bases: string, logLikelihood: number | null, text: Texts["generate"]): string {
  const gc = [...bases].filter((base) => base === "G" || base === "C").length / bases.length;
  const facts = text.facts(bases.length, `${(100 * gc).toFixed(0)} %`);
  return logLikelihood === null ? facts : `${facts} · ${text.likelihood((logLikelihood / bases.length).toFixed(3))}`;
}

function bodyOf(said: FormData) {
  const amount = (name: string) => Number(said.get(name));
  const optional = (name: string) => (said.get(name) ? { [name]: amount(name) } : {});
  return {
    prompts: [String(said.get("prompt")).replace(/\s+/g, "").toUpperCase()],
    model: String(said.get("model")),
    tokens: amount("tokens"),
    samples: amount("samples"),
    temperature: amount("temperature"),
    seed: amount("seed"),
    stream: true,
    ...optional("top_k"),
    ...optional("top_p"),
  };
}
