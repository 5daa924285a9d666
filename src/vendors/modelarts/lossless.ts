/** A number that JavaScript would round. */
const TOO_LONG = /^-?\d{16,}$/
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g

/**
 * `JSON.parse`, but for whole numbers of 16 digits and more, which become text: ids are 64 bit here, and log cursors have 19 digits
 * and stand unquoted in some answers (reference §7).
 */
export function parseLossless(text: string): unknown {
  return JSON.parse(text.replace(TOKEN, (token) => (TOO_LONG.test(token) ? `"${token}"` : token)))
}
