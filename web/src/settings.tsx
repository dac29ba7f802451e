import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import { en, type Texts } from "./texts/en";
import { zh } from "./texts/zh";

export const LANGUAGES = { en, zh };
export type Language = keyof typeof LANGUAGES;
export type Theme = "auto" | "light" | "dark";

interface Settings {
  language: Language;
  theme: Theme;
  setLanguage: (language: Language) => void;
  setTheme: (theme: Theme) => void;
}

const Shared = createContext<Settings | null>(null);

/** Language and theme of the page, kept in this browser. */
export function SettingsProvider({ children }: { children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(firstLanguage);
  const [theme, setTheme] = useState<Theme>(() => (localStorage.getItem("cistron-theme") as Theme) ?? "auto");
  useEffect(() => {
    document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
    localStorage.setItem("cistron-language", language);
  }, [language]);
  useEffect(() => {
    document.documentElement.dataset["theme"] = theme;
    localStorage.setItem("cistron-theme", theme);
  }, [theme]);
  return <Shared value={{ language, theme, setLanguage, setTheme }}>{children}</Shared>;
}

/** Language and theme, and how to change them. */
export function useSettings(): Settings {
  const found = useContext(Shared);
  if (!found) throw new Error("no SettingsProvider above");
  return found;
}

/** The texts of the chosen language. */
export function useTexts(): Texts {
  return LANGUAGES[useSettings().language];
}

function firstLanguage(): Language {
  const kept = localStorage.getItem("cistron-language");
  if (kept === "en" || kept === "zh") return kept;
  return navigator.language.startsWith("zh") ? "zh" : "en";
}
