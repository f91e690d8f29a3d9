"use strict";
// One JSON object a line on stdin, one JSON value a line on stdout, in the same order.
module.exports = async (answer) => {
  const lines = require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean);
  // Packages print to the console when something is wrong; that must not stand among the answers.
  console.log = console.error;
  for (const line of lines) {
    let found;
    try {
      found = await answer(JSON.parse(line));
    } catch (error) {
      found = { error: String(error.message ?? error) };
    }
    process.stdout.write(JSON.stringify(found) + "\n");
  }
};
