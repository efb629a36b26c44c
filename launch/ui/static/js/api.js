// The server, by paths relative to the page's own: they hold the token.

export class Failure extends Error {
  constructor(error) {
    super([error.where, error.what].filter(Boolean).join(": "));
    this.remedy = error.remedy;
  }
}

export async function get(path) {
  return answer(await fetch(`api/${path}`));
}

export async function post(path, body = {}) {
  const headers = { "content-type": "application/json" };
  return answer(await fetch(`api/${path}`, { method: "POST", headers, body: JSON.stringify(body) }));
}

async function answer(response) {
  const type = response.headers.get("content-type") || "";
  const body = type.startsWith("application/json") ? await response.json() : { error: { what: await response.text() } };
  if (!response.ok) throw new Failure(body.error || { what: `status ${response.status}` });
  return body;
}

// Handlers by event name; `onLink` hears true and false as the connection comes and goes.
export function listen(path, handlers, onLink = () => {}) {
  const source = new EventSource(`api/${path}`);
  for (const [name, handle] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => handle(JSON.parse(event.data)));
  }
  source.onopen = () => onLink(true);
  source.onerror = () => onLink(false);
  return () => source.close();
}
