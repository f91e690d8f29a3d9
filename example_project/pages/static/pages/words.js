// Codes and reasons of the issuer, in words.

const REASONS = {
  not_a_member: "You are not a member of that room.",
  no_rule: "Nothing here is open to you.",
  privilege_not_granted: "You may enter, but not with that right. Ask for a smaller one.",
  resource_not_granted: "That one is not open to you.",
  wildcard_not_granted: "That would open more than one place. Name one.",
  lifetime_not_granted: "You may not have it for that long.",
  server_only: "That right is for servers only.",
  no_vendor_account: "You have no account at the vendor yet. Tell an administrator.",
  not_connected: "You are not connected to that vendor yet.",
  connect_again: "The vendor has ended the connection. Connect again.",
};

const CODES = {
  not_authenticated: "Your session has ended.",
  somebody_else: "Somebody else is signed in now. Load the page again.",
  csrf_failed: "This page is out of date. Load it again.",
  application_disabled: "This application is switched off.",
  no_active_certificate: "This application has nothing to sign with. Tell an administrator.",
  rate_limited: "You have had as many as you may for now.",
  policy_unavailable: "The site could not decide. Try again later.",
  unavailable: "The site cannot answer now. Try again later.",
  invalid_request: "Some fields need another value.",
  invalid_token: "That is not good (any more). Whether it expired, was used, was ended or never was, nobody is told.",
  vendor_unavailable: "The vendor does not answer as it should. Try again later.",
  insufficient_scope: "The token is good, but it may not do that.",
  no_token: "That takes a token, and none was sent.",
  invalid_grant: "There is nothing to refresh with (any more). Get a new token.",
  garbled: "The site's answer cannot be read. Load the page again.",
  unreachable: "The site does not answer. Look at your connection and try again.",
};

const ENDINGS = {
  immediate: "Revoking it ends it at once.",
  at_next_join: "The vendor checks it once, when joining: revoked here, it can still be used to join until it expires, and whoever is inside stays.",
  at_expiry: "The vendor checks it offline: revoked here, it still works there until it expires.",
  pushed: "Revoking it tells the vendor.",
};

export function refusalInWords({ error, reason, error_description: description }) {
  return REASONS[reason] ?? CODES[error] ?? description ?? "That did not work.";
}

export function endingInWords(revocation) {
  return ENDINGS[revocation] ?? "";
}

const WITH_ROOMS = ["agora", "videosdk"]; // without a room these open all of them

// A token of the site's own names no room: its rights say what it opens here.
export function placeInWords({ resource, provider }) {
  if (resource) return resource;
  if (WITH_ROOMS.includes(provider)) return "everything";
  return provider.startsWith("own") ? "this site" : "its vendor's cloud";
}

export function renewalInWords({ renew_at: renewAt, provider }) {
  if (renewAt) return timeInWords(renewAt);
  return provider === "videosdk" ? "not needed: the vendor checks it once, when joining" : "not at all: ask for another";
}

export function durationInWords(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  const pad = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${pad(minutes)}:${pad(whole % 60)}`;
}

export function timeInWords(instant) {
  return new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" }).format(new Date(instant));
}
