import { createContext, type FormEvent, type ReactNode, useCallback, useContext, useEffect, useState } from "react";
import { api, dataOf, type Info, lineOf, type Model, onLocked, Refused } from "./api/client";
import { keepKey, readKey } from "./api/key";
import { Problem } from "./problem";
import { useTexts } from "./settings";

/** What the service offers to this key. */
export interface Session {
  info: Info;
  models: Model[];
  signOut: (() => void) | null;
}

const Shared = createContext<Session | null>(null);

/** What the service offers; only below a `SessionProvider`. */
export function useSession(): Session {
  const found = useContext(Shared);
  if (!found) throw new Error("no SessionProvider above");
  return found;
}

type Stage = { at: "asking" } | { at: "locked" } | { at: "lost"; line: string } | { at: "in"; info: Info; models: Model[] };

/** Asks what the service offers, and for a key where it wants one. */
export function SessionProvider({ children }: { children: ReactNode }) {
  const text = useTexts();
  const [stage, setStage] = useState<Stage>({ at: "asking" });
  const enter = useCallback(async () => {
    try {
      const [info, models] = await Promise.all([api.GET("/v1/service-info"), api.GET("/v1/models")]);
      setStage({ at: "in", info: dataOf(info), models: dataOf(models).data });
    } catch (error) {
      const locked = error instanceof Refused && error.status === 401;
      setStage(locked ? { at: "locked" } : { at: "lost", line: lineOf(error) });
    }
  }, []);
  useEffect(() => {
    void enter();
    return onLocked(() => setStage({ at: "locked" }));
  }, [enter]);
  if (stage.at === "asking") return <p className="quiet">{text.loading}</p>;
  if (stage.at === "locked") return <SignIn enter={enter} />;
  if (stage.at === "lost") return <Problem line={stage.line} again={enter} />;
  const signOut = () => {
    keepKey(null);
    setStage({ at: "locked" });
  };
  const { info, models } = stage;
  return <Shared value={{ info, models, signOut: readKey() ? signOut : null }}>{children}</Shared>;
}

function SignIn({ enter }: { enter: () => Promise<void> }) {
  const text = useTexts();
  const [wrong, setWrong] = useState(readKey() !== null);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    keepKey(String(new FormData(event.currentTarget).get("key")).trim());
    await enter();
    setWrong(true);
  };
  return (
    <form className="card narrow" onSubmit={submit}>
      <h1>{text.key.title}</h1>
      <p>{text.key.why}</p>
      <label>
        {text.key.label}
        <input name="key" type="password" autoComplete="off" required autoFocus />
      </label>
      {wrong && <p className="problem">{text.key.wrong}</p>}
      <button className="main">{text.key.enter}</button>
    </form>
  );
}
