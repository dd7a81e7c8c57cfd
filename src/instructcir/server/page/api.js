// Asking the server: one kind of error, a busy server asked again, stale questions dropped.
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const TRIES = 4;
let onKeyNeeded = () => {};
export const whenKeyNeeded = (callback) => { onKeyNeeded = callback; };

const pause = (seconds, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(resolve, seconds * 1000);
  signal?.addEventListener("abort", () => { clearTimeout(timer); reject(new DOMException("stale", "AbortError")); });
});

async function ask(path, options = {}) {
  for (let tried = 1; ; tried += 1) {
    let answer;
    try {
      answer = await fetch(path, { credentials: "same-origin", ...options });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refused(0, "unreachable", "The server does not answer. Is it still running?");
    }
    if (answer.ok) return answer.status === 204 ? null : answer.json();
    const said = await answer.json().catch(() => ({}));
    if (answer.status === 503 && tried < TRIES) {
      await pause(Number(answer.headers.get("Retry-After")) || tried, options.signal);
      continue;
    }
    if (answer.status === 401 && said.error?.code === "key_needed") onKeyNeeded();
    throw new Refused(answer.status, said.error?.code || "failed", said.error?.message || "The server could not answer.");
  }
}

const post = (path, body, signal) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal });

export const about = () => ask("/v1/index");
export const somePictures = (count) => ask(`/v1/pictures?count=${count}`).then((found) => found.pictures);
export const pictureOf = (id) => ask(`/v1/pictures/${id}`);
export const search = (query, signal) => post("/v1/search", query, signal);
export const explain = (reference, modification, signal) => post("/v1/explain", { reference, modification }, signal);
export const signIn = (key) => post("/v1/sign-in", { key });

export function upload(file) {
  const form = new FormData();
  form.append("image", file);
  return ask("/v1/uploads", { method: "POST", body: form });
}

export const thumbnail = (id) => `/v1/thumbnails/${id}`;
export const image = (id, side) => `/v1/images/${id}?side=${side}`;
export const uploaded = (token) => `/v1/uploads/${token}`;
/** The picture of a reference, {id} or {upload}. */
export const pictureUrl = (reference, side) => (reference.id ? image(reference.id, side) : uploaded(reference.upload));
export const smallUrl = (reference) => (reference.id ? thumbnail(reference.id) : uploaded(reference.upload));
