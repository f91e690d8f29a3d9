"use strict";
// Asks npm jsonwebtoken, at the time that the question names.
const lines = require("./lines.cjs");
const jwt = require("jsonwebtoken");

const operations = {
  sign: ({ claims, key, options }) => jwt.sign(claims, key, { algorithm: "HS256", ...options }),
  verify: ({ token, key }) => jwt.verify(token, key, { algorithms: ["HS256"], complete: true }),
};

lines((question) => {
  Date.now = () => question.now * 1000;
  return operations[question.op](question);
});
