import { useSyncExternalStore } from "react";

/** Where the page is: `#/view/part?name=value`. */
export interface Route {
  view: string;
  parts: string[];
  query: URLSearchParams;
}

/** The route of an address's hash. */
export function parseRoute(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [view = "", ...parts] = path.split("/").map(decodeURIComponent);
  return { view: view || "analyse", parts, query: new URLSearchParams(query) };
}

/** The present route; components that use it follow it. */
export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, () => location.hash));
}

/** Go somewhere else. */
export function go(path: string): void {
  location.hash = path;
}

function subscribe(tell: () => void): () => void {
  addEventListener("hashchange", tell);
  return () => removeEventListener("hashchange", tell);
}
