import { api, ask, dataOf, type Job, type JobKind, Refused, upload } from "./client";
import { eventsOf } from "./events";

const RETRY_MS = 1500;

/** Whether a job has not ended. */
export function isOpen(job: Job): boolean {
  return job.state === "queued" || job.state === "running";
}

/** Queue a job; `tell` hears the share of the file that has been sent. */
export async function submit(
  kind: JobKind,
  file: Blob,
  options: object,
  tell: (share: number) => void,
): Promise<Job> {
  const form = new FormData();
  form.set("kind", kind);
  form.set("options", JSON.stringify(options));
  form.set("file", file, "upload");
  const answer = await upload("/v1/jobs", form, tell);
  return answer.json();
}

/** A job whenever it changes, until it ends; asks again where the connection breaks. */
export async function follow(id: string, tell: (job: Job) => void, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const answer = await ask(`/v1/jobs/${id}/events`, { signal });
      let last: Job | null = null;
      for await (const { name, data } of eventsOf(answer)) {
        if (name === "job") tell((last = data as Job));
        if (name === "deleted") return;
      }
      if (last && !isOpen(last)) return;
    } catch (error) {
      if (signal.aborted || (error instanceof Refused && error.status >= 400 && error.status < 429)) {
        if (!signal.aborted) throw error;
        return;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** Stop a job. */
export async function cancel(id: string): Promise<Job> {
  return dataOf(await api.POST("/v1/jobs/{job_id}/cancel", { params: { path: { job_id: id } } }));
}

/** Remove a job and its files. */
export async function remove(id: string): Promise<void> {
  await api.DELETE("/v1/jobs/{job_id}", { params: { path: { job_id: id } } });
}

/** Jobs of this key, newest first. */
export async function list(): Promise<Job[]> {
  return dataOf(await api.GET("/v1/jobs")).jobs;
}
