import createClient from "openapi-fetch";
import type { components, paths } from "./schema";
import { readKey } from "./key";

type Schemas = components["schemas"];
export type Job = Schemas["JobOut"];
export type JobKind = Job["kind"];
export type Info = Schemas["ServiceInfo"];
export type Model = Schemas["ModelOut"];
export type Gene = Schemas["GeneOut"];
export type Profile = Schemas["ProfileOut"];
export type Score = Schemas["ScoreOut"];
export type Likelihood = Schemas["LikelihoodOut"];
export type Generated = Schemas["GeneratedOut"];
export type Diagnosis = Schemas["DiagnosisOut"];
export type Known = Schemas["KnownOut"];
export type BaseEvidence = Schemas["BaseEvidenceOut"];

/** What the service refused, in its own words. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

const listeners = new Set<() => void>();

/** Call `tell` whenever the service asks for a key; returns how to stop. */
export function onLocked(tell: () => void): () => void {
  listeners.add(tell);
  return () => listeners.delete(tell);
}

/** `fetch` with the key; every refusal is thrown. */
export async function ask(request: Request | string, options: RequestInit = {}): Promise<Response> {
  const asked = new Request(request, options);
  const key = readKey();
  if (key) asked.headers.set("Authorization", `Bearer ${key}`);
  return accepted(await fetch(asked).catch(unanswered));
}

/** Post a form with the key; `tell` hears the share that has been sent. */
export async function upload(path: string, form: FormData, tell: (share: number) => void): Promise<Response> {
  const request = new XMLHttpRequest();
  request.open("POST", path);
  const key = readKey();
  if (key) request.setRequestHeader("Authorization", `Bearer ${key}`);
  request.upload.onprogress = ({ loaded, total, lengthComputable }) => lengthComputable && tell(loaded / total);
  await new Promise((resolve, reject) => {
    request.onload = resolve;
    request.onerror = reject;
    request.send(form);
  }).catch(unanswered);
  return accepted(new Response(request.responseText, { status: request.status, statusText: request.statusText }));
}

/** What `fetch` throws, said so that it can be understood; an interrupted request stays one. */
function unanswered(error: unknown): never {
  if (error instanceof DOMException) throw error;
  throw new Refused(0, "the service does not answer; is it running, and is this machine connected?");
}

/** The answer, where it is no refusal. */
async function accepted(answer: Response): Promise<Response> {
  if (answer.ok) return answer;
  if (answer.status === 401) listeners.forEach((tell) => tell());
  throw new Refused(answer.status, await detailOf(answer));
}

/** The typed client of every path that answers JSON. */
export const api = createClient<paths>({ baseUrl: location.origin, fetch: ask });

/** The data of an answer; refusals were thrown before. */
export function dataOf<T>(answer: { data?: T }): T {
  if (answer.data === undefined) throw new Refused(0, "the service sent an empty answer");
  return answer.data;
}

/** One line about anything that was thrown. */
export function lineOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function detailOf(answer: Response): Promise<string> {
  const text = await answer.text();
  try {
    const problem: { detail?: string; title?: string } = JSON.parse(text);
    return problem.detail ?? problem.title ?? answer.statusText;
  } catch {
    return text.slice(0, 300) || answer.statusText;
  }
}
