// Run by node in tests: reads a list of option objects from standard input, writes one verdict each ("" is fine).
import { readFileSync } from "node:fs";
import "./validate.js";

const verdicts = JSON.parse(readFileSync(0, "utf8")).map((options) => {
  try {
    globalThis.validateChatKitOptions(options);
    return "";
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
});
process.stdout.write(JSON.stringify(verdicts));
