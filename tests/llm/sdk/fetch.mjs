// One chat completion with fetch: the request is read from standard input, the text is written as JSON.
import { readFileSync } from "node:fs";

const { url, headers, body, milliseconds } = JSON.parse(readFileSync(0, "utf8"));
try {
  const signal = AbortSignal.timeout(milliseconds);
  const reply = await fetch(url, { method: "POST", headers, body: JSON.stringify(body), signal });
  if (!reply.ok) throw new Error(`status ${reply.status}`);
  const { choices } = await reply.json();
  process.stdout.write(JSON.stringify(choices[0].message.content));
} catch (error) {
  process.stderr.write(`${error.name}: ${error.message}${error.cause ? ` <- ${error.cause.code}` : ""}`);
  process.exitCode = 1;
}
