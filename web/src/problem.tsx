import { useTexts } from "./settings";

/** What went wrong, in one line, and a way to try again. */
export function Problem({ line, again }: { line: string; again?: () => void }) {
  const text = useTexts();
  return (
    <div className="problem" role="alert">
      <strong>{text.failed}</strong> {line}{" "}
      {again && (
        <button type="button" onClick={again}>
          {text.retry}
        </button>
      )}
    </div>
  );
}
