// The contract of part 1 in another language: an echo server on Node's sockets alone.
//
//     node tests/course/other/echo.mjs PORT
//
// tests/README.md shows the check of it. Octets are characters of latin1 throughout.

import net from "node:net";

const LINE_LIMIT = 16 * 1024; // octets of the request-line; more is 414
const HEAD_LIMIT = 64 * 1024; // octets of the field section; more is 431
const CONTENT_LIMIT = 10 * 1024 * 1024; // octets; more is 413
const LINGER_MS = 2000; // for a client that is still sending when the answer has left

// token = 1*tchar    RFC 9110 §5.6.2
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
// request-line = method SP request-target SP HTTP-version    RFC 9112 §3
const REQUEST_LINE = new RegExp(`^(${TOKEN}) ([!"$-~]+) HTTP/([0-9])\\.([0-9])$`);
// field-line = field-name ":" OWS field-value OWS    RFC 9112 §5
const FIELD_LINE = new RegExp(`^(${TOKEN}):[ \\t]*([\\t -~\\x80-\\xff]*?)[ \\t]*$`);
// Host = uri-host [ ":" port ]    RFC 9110 §7.2
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?$/;

class Refused extends Error {
  constructor(reason, status = "400 Bad Request") {
    super(reason);
    this.status = status;
  }
}

// Return the end of the head in received, -1 if it has not come yet. Throws Refused.
function findHead(received) {
  const end = received.indexOf("\r\n\r\n");
  const head = end < 0 ? received : received.slice(0, end + 4);
  const line = head.indexOf("\r\n") < 0 ? head.length : head.indexOf("\r\n");
  if (line > LINE_LIMIT) throw new Refused("The line is too long.", "414 URI Too Long");
  if (head.length - line > HEAD_LIMIT)
    throw new Refused("The fields are too long.", "431 Request Header Fields Too Large");
  if (/(?:^|[^\r])\n/.test(head)) throw new Refused("A line ends in LF; HTTP wants CRLF.");
  if (/^[^!-~\r]/.test(head))
    throw new Refused("This is not HTTP. Is it TLS? Type http://, not https://.");
  return end;
}

// Return {method, version, fields} of a head without its last line ends. Throws Refused.
function parseHead(head) {
  const [line, ...lines] = head.split("\r\n");
  const found = REQUEST_LINE.exec(line);
  if (!found) throw new Refused("The request-line is malformed.");
  const [, method, target, major, minor] = found;
  if (major !== "1") throw new Refused("This is HTTP/1.", "505 HTTP Version Not Supported");
  if (method === "CONNECT") throw new Refused("This is no proxy.", "501 Not Implemented");
  checkTarget(method, target);
  const fields = lines.map((text) => {
    const field = FIELD_LINE.exec(text);
    if (!field) throw new Refused("A field line is malformed.");
    return [field[1].toLowerCase(), field[2]];
  });
  const hosts = valuesOf(fields, "host");
  const missing = minor !== "0" && !hosts.length;
  if (missing || hosts.length > 1 || !hosts.every((host) => HOST.test(host)))
    throw new Refused("Host is missing, there twice, or malformed.");
  return { method, minor, fields };
}

// Throw Refused unless a target has one of the four forms of RFC 9112 §3.2.
function checkTarget(method, target) {
  const authority = /^https?:\/\/([^/?]*)/i.exec(target)?.[1];
  if (target.startsWith("/") || (target === "*" && method === "OPTIONS")) return;
  if (!authority || authority.startsWith(":") || !HOST.test(authority))
    throw new Refused("The target is neither a path nor a URL.");
}

function valuesOf(fields, name) {
  return fields.filter(([key]) => key === name).map(([, value]) => value);
}

// Return how many octets of content follow the head. Throws Refused.
function parseLength({ minor, fields }) {
  const lengths = valuesOf(fields, "content-length");
  const transfer = valuesOf(fields, "transfer-encoding");
  if (transfer.length) {
    const codings = transfer.join().toLowerCase().split(",").map((word) => word.trim());
    const last = codings.filter(Boolean).pop();
    if (last !== "chunked" || lengths.length || minor === "0")
      throw new Refused("The end of this content is not certain.");
    throw new Refused("Chunks are not decoded here.", "501 Not Implemented");
  }
  if (lengths.length > 1 || !lengths.every((text) => /^[0-9]+$/.test(text)))
    throw new Refused("Content-Length is not digits, or is there twice.");
  const length = Number(lengths[0] ?? 0);
  if (length > CONTENT_LIMIT) throw new Refused("It is too long.", "413 Content Too Large");
  return length;
}

function serve(socket) {
  let received = "";
  let continued = false;
  let answered = false;

  function answer(status, content) {
    answered = true;
    const fields = [
      `Date: ${new Date().toUTCString()}`,
      "Content-Type: text/plain; charset=iso-8859-1",
      `Content-Length: ${content.length}`,
      "Connection: close",
    ];
    const head = [`HTTP/1.1 ${status}`, ...fields, "", ""].join("\r\n");
    const whole = received.startsWith("HEAD ") ? head : head + content;
    // What still comes is dropped: to close with input unread would reset the connection.
    socket.end(whole, "latin1", () => setTimeout(() => socket.destroy(), LINGER_MS).unref());
  }

  // Answer, if the request is whole. Throws Refused.
  function look() {
    const end = findHead(received);
    if (end < 0) return;
    const request = parseHead(received.slice(0, end));
    const size = end + 4 + parseLength(request);
    if (received.length >= size) {
      answer("200 OK", received.slice(0, size).replace(/^HEAD /, "GET "));
    } else if (received.length === end + 4 && request.minor !== "0" && !continued) {
      continued = /^100-continue$/i.test(valuesOf(request.fields, "expect").join());
      if (continued) socket.write("HTTP/1.1 100 Continue\r\n\r\n");
    }
  }

  function attempt(step) {
    try {
      step();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      answer(error.status, `${error.message}\r\n`);
    }
  }

  socket.on("data", (octets) => {
    if (answered) return;
    received += octets.toString("latin1");
    if (received.startsWith("\r\n")) received = received.slice(2); // RFC 9112 §2.2
    attempt(look);
  });
  socket.on("end", () => {
    if (answered) return;
    if (!received) socket.end();
    else attempt(() => { throw new Refused("The request has no end."); });
  });
  socket.on("error", () => socket.destroy()); // the client has gone
}

const listener = net.createServer({ allowHalfOpen: true }, serve);
listener.on("error", (error) => {
  console.error(`Can't listen: ${error.message}.`);
  process.exit(1);
});
listener.listen(Number(process.argv[2]), "127.0.0.1", 128, () => {
  console.log(`Serving HTTP on http://127.0.0.1:${listener.address().port}`);
});
