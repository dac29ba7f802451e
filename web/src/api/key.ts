const NAME = "cistron-key";

/** The API key of this tab; it is forgotten when the tab is closed. */
export function readKey(): string | null {
  return sessionStorage.getItem(NAME);
}

/** Keep a key for this tab, or forget it. */
export function keepKey(key: string | null): void {
  if (key) sessionStorage.setItem(NAME, key);
  else sessionStorage.removeItem(NAME);
}
