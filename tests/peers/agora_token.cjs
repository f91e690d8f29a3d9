"use strict";
// Asks npm agora-token: its packers (007 and 006) with a given salt and time, its parsers, and its builders as they are.
const lines = require("./lines.cjs");
const agora = require("agora-token");
const packers = require("agora-token/src/AccessToken2");
const { AccessToken } = require("agora-token/src/AccessToken");

function service(one) {
  let made;
  switch (one.type) {
    case 1: made = new packers.ServiceRtc(one.channel, one.uid); break;
    case 2: made = new packers.ServiceRtm(one.user_id); break;
    case 3: made = new packers.ServiceStreaming(one.channel, one.account); break;
    case 4: made = new packers.ServiceFpa(); break;
    case 5: made = new packers.ServiceChat(one.user_id); break;
    case 6: made = new packers.ServiceFCdn(one.channel, one.account); break;
    case 7: made = new packers.ServiceApaas(one.room_uuid, one.user_uuid, one.role); break;
    case 8: {
      const permissions = new packers.Rtm2Permissions();
      for (const [resource, rights] of Object.entries(one.permissions)) {
        permissions.details[resource] = {};
        for (const [right, names] of Object.entries(rights)) permissions.add(Number(resource), Number(right), names);
      }
      made = new packers.ServiceRtm2(one.user_id, permissions);
      break;
    }
    default: throw new Error(`no service ${one.type}`);
  }
  for (const [privilege, seconds] of Object.entries(one.privileges)) made.add_privilege(Number(privilege), seconds);
  return made;
}

// The package keeps what it read in private members, texts as bytes.
const OWN = {
  __channel_name: "channel", __uid: "uid", __account: "account", __user_id: "user_id", __room_uuid: "room_uuid",
  __user_uuid: "user_uuid", __role: "role", __privileges: "privileges", __type: "type",
};

function plain(one) {
  const found = {};
  for (const [name, value] of Object.entries(one)) {
    if (name === "__permissions") found.permissions = value.details;
    else found[OWN[name]] = Buffer.isBuffer(value) ? value.toString("utf8") : value;
  }
  return found;
}

const operations = {
  encode007({ app_id, certificate, issued_ts, lifetime, salt, services }) {
    const token = new packers.AccessToken2(app_id, certificate, issued_ts, lifetime);
    token.salt = salt;
    for (const one of services) token.add_service(service(one));
    return token.build();
  },
  decode007({ token, certificate }) {
    const found = new packers.AccessToken2("", "", 0, 0);
    if (!found.from_string(token)) return null;
    return {
      app_id: found.appId.toString(), issued_ts: found.issueTs, lifetime: found.expire, salt: found.salt,
      services: found.services.map(plain), verified: found.verifySignature(certificate),
    };
  },
  encode006({ app_id, certificate, channel, uid, salt, ends_ts, privileges }) {
    const token = new AccessToken(app_id, certificate, channel, uid);
    token.salt = salt;
    token.ts = ends_ts;
    token.messages = privileges;
    return token.build();
  },
  decode006({ token }) {
    const found = new AccessToken("", "", "", "");
    if (!found.fromString(token)) return null;
    return {
      app_id: found.appID, salt: found.salt, ends_ts: found.ts, privileges: found.messages,
      channel_crc: found.crc_channel_name, uid_crc: found.crc_uid,
    };
  },
  builder006: ({ args }) => require("agora-token/src/RtcTokenBuilder").RtcTokenBuilder.buildTokenWithUid(...args),
  builder: ({ builder, method, args }) => agora[builder][method](...args),
};

lines((question) => operations[question.op](question));
