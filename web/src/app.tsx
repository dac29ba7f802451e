import { lazy, Suspense, useEffect } from "react";
import { Analyse } from "./analyse/analyse";
import { JobPage } from "./analyse/job";
import { RegionPage } from "./analyse/region";
import { Diagnose } from "./diagnose/diagnose";
import { Generate } from "./generate";
import { JobList } from "./joblist";
import { useRoute } from "./route";
import { ServicePage } from "./service";
import { SessionProvider } from "./session";
import { LANGUAGES, type Language, type Theme, useSettings, useTexts } from "./settings";

const Explore = lazy(() => import("./explore/explore"));
const BELONGS: Record<string, string> = { job: "jobs", region: "analyse" };
const VIEWS = ["analyse", "diagnose", "explore", "generate", "jobs", "service"] as const;

/** The whole page. */
export function App() {
  const text = useTexts();
  return (
    <>
      <a
        className="skip"
        href="#content"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById("content")?.focus();
        }}
      >
        {text.skip}
      </a>
      <Top />
      <main id="content" tabIndex={-1}>
        <SessionProvider>
          <Suspense fallback={<p className="quiet">{text.loading}</p>}>
            <View />
          </Suspense>
        </SessionProvider>
      </main>
      <footer>{text.researchUse}</footer>
    </>
  );
}

function View() {
  const { view, parts, query } = useRoute();
  if (view === "job" && parts[0]) return <JobPage key={parts[0]} id={parts[0]} allele={parts[1]} />;
  if (view === "region") return <RegionPage key={query.toString()} query={query} />;
  if (view === "diagnose") return <Diagnose key={query.toString()} query={query} />;
  if (view === "explore") return <Explore />;
  if (view === "generate") return <Generate />;
  if (view === "jobs") return <JobList />;
  if (view === "service") return <ServicePage />;
  return <Analyse />;
}

function Top() {
  const text = useTexts();
  const { view } = useRoute();
  const shown = VIEWS.find((name) => name === (BELONGS[view] ?? view)) ?? "analyse";
  useEffect(() => {
    document.title = `${text.views[shown]} · Cistron`;
  }, [text, shown]);
  return (
    <header className="top">
      <a className="brand" href="#/analyse">
        <img src="./assets/icon.svg" alt="" width="26" height="26" /> Cistron
      </a>
      <nav aria-label="Cistron">
        {VIEWS.map((name) => (
          <a key={name} href={`#/${name}`} aria-current={name === shown ? "page" : undefined}>
            {text.views[name]}
          </a>
        ))}
      </nav>
      <Choices />
    </header>
  );
}

function Choices() {
  const text = useTexts();
  const { language, theme, setLanguage, setTheme } = useSettings();
  return (
    <div className="choices">
      <select aria-label={text.theme} value={theme} onChange={(event) => setTheme(event.target.value as Theme)}>
        {Object.entries(text.themes).map(([name, label]) => (
          <option key={name} value={name}>
            {label}
          </option>
        ))}
      </select>
      <select
        aria-label={text.language}
        value={language}
        onChange={(event) => setLanguage(event.target.value as Language)}
      >
        {Object.entries(LANGUAGES).map(([name, texts]) => (
          <option key={name} value={name}>
            {texts.name}
          </option>
        ))}
      </select>
    </div>
  );
}
