import { useEffect, useRef, useState } from "react";
import { ask, lineOf } from "../api/client";
import { eventsOf } from "../api/events";
import { Problem } from "../problem";
import { useSession } from "../session";
import { useTexts } from "../settings";
import { AnswerView, type Found, Question } from "./answer";
import { Bases } from "./bases";
import { type Asked, QuestionForm } from "./form";

/** A variant or two sequences and a question come in; a disease with its reasons comes out. */
export function Diagnose({ query }: { query: URLSearchParams }) {
  const text = useTexts();
  const { fusions } = useSession().info;
  const stop = useRef<AbortController | null>(null);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [found, setFound] = useState<Found | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  useEffect(() => () => stop.current?.abort(), []);

  const start = async (body: Asked) => {
    setProblem("");
    setFound(null);
    setAsked(body);
    setBusy(true);
    stop.current = new AbortController();
    try {
      await listen(body, stop.current.signal, setFound);
    } catch (error) {
      if (!stop.current.signal.aborted) setProblem(lineOf(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <h1>{text.diagnose.title}</h1>
      <p className="lead">{text.diagnose.lead}</p>
      <p className="note warning">
        <strong>{text.researchUse}</strong> {text.diagnose.notice}
      </p>
      {fusions.length ? (
        <QuestionForm
          query={query}
          busy={busy}
          start={(body) => void start(body)}
          refuse={setProblem}
          stop={() => stop.current?.abort()}
        />
      ) : (
        <HowToStart />
      )}
      {problem && <Problem line={problem} />}
      {found && <AnswerView found={found} busy={busy} />}
      {asked && found?.whole && found.whole.mode !== "text" && (
        <Bases key={JSON.stringify(asked)} asked={asked} labels={found.whole.ranking.map(({ label }) => label)} />
      )}
      {found?.whole && <Question whole={found.whole} />}
    </>
  );
}

/** What an event says is put beside what was said before. */
async function listen(body: Asked, signal: AbortSignal, tell: (change: (before: Found | null) => Found) => void) {
  const headers = { "Content-Type": "application/json" };
  const answer = await ask("/v1/diagnose", {
    method: "POST",
    headers,
    body: JSON.stringify({ ...body, stream: true }),
    signal,
  });
  for await (const { name, data } of eventsOf(answer)) {
    if (name === "error") throw new Error((data as { detail: string }).detail);
    tell((before) => grown(before ?? { text: "" }, name, data));
  }
}

function grown(before: Found, name: string, data: unknown): Found {
  if (name === "ranking") return { ...before, ...(data as Pick<Found, "ranking">) };
  if (name === "evidence") return { ...before, evidence: data as NonNullable<Found["evidence"]> };
  if (name === "text") return { ...before, text: before.text + (data as { text: string }).text };
  if (name !== "answer") return before;
  const whole = data as NonNullable<Found["whole"]>;
  return { whole, ranking: whole.ranking, text: whole.text ?? "", evidence: whole.evidence };
}

function HowToStart() {
  const text = useTexts().diagnose;
  return (
    <section className="card">
      <h2>{text.none}</h2>
      <p>{text.how}</p>
      <pre className="sequence">
        cistron fusion train -o runs/kegg --records train.jsonl --language LANGUAGE_MODEL{"\n"}
        cistron serve --fusion kegg=runs/kegg/model …
      </pre>
    </section>
  );
}
