// A station that somebody else's strict client speaks for: node station.mjs ADDRESS NAME PROTOCOL, the key in DWELL_KEY.
//
// It boots, waits to be started, tells of a charge, waits to be stopped, and tells of the end. A line of JSON for each
// step on stdout; after each it waits for a line on stdin, and sets its clock by a heartbeat. Exit 1 at the first message
// that the schemas of the client do not allow, in either direction.
import process from "node:process";
import readline from "node:readline";

import { createRPCError, RPCClient } from "ocpp-rpc";

const WAIT_MS = 20_000;
const [address, identity, protocol] = process.argv.slice(2);
const client = new RPCClient({
  endpoint: address,
  identity,
  password: process.env.DWELL_KEY,
  protocols: [protocol],
  strictMode: true,
  reconnect: false,
  callTimeoutMs: WAIT_MS,
});

const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
let time = new Date().toISOString();
const now = () => time;
const tell = async (step, more = {}) => {
  console.log(JSON.stringify({ step, ...more }));
  await lines.next();
  time = (await client.call("Heartbeat", {})).currentTime;
};
const fail = (why) => {
  console.error(why);
  process.exit(1);
};
for (const event of ["badMessage", "strictValidationFailure"]) {
  client.on(event, ({ error }) => fail(`${event}: ${error.message} ${JSON.stringify(error.details ?? {})}`));
}
setTimeout(() => fail("the cycle took too long"), 3 * WAIT_MS).unref();

/** The parameters of the next such call, which is answered with `Accepted`. */
const told = (action) =>
  new Promise((resolve) => {
    client.handle(action, ({ params }) => {
      setImmediate(resolve, params);
      return { status: "Accepted" };
    });
  });

async function cycle16() {
  const start = told("RemoteStartTransaction");
  const stop = told("RemoteStopTransaction");
  const boot = { chargePointVendor: "Strict", chargePointModel: "One" };
  await tell("booted", await client.call("BootNotification", boot));
  const status = (word) =>
    client.call("StatusNotification", { connectorId: 1, errorCode: "NoError", status: word, timestamp: now() });
  await status("Preparing");
  await tell("ready");
  const { idTag } = await start;
  await client.call("Authorize", { idTag });
  const begun = await client.call("StartTransaction", { connectorId: 1, idTag, meterStart: 1000, timestamp: now() });
  const { transactionId } = begun;
  await status("Charging");
  await tell("begun", { verdict: begun.idTagInfo.status });
  const sampledValue = [
    { value: "1500", measurand: "Energy.Active.Import.Register", unit: "Wh" },
    { value: "7000.0", measurand: "Power.Active.Import", unit: "W" },
  ];
  const meterValue = [{ timestamp: now(), sampledValue }];
  await client.call("MeterValues", { connectorId: 1, transactionId, meterValue });
  await tell("charging", { name: String(transactionId) });
  const ordered = await stop;
  if (ordered.transactionId !== transactionId) fail(`told to stop ${ordered.transactionId}`);
  const ended = { transactionId, idTag, meterStop: 2200, timestamp: now(), reason: "Remote" };
  await client.call("StopTransaction", ended);
  await status("Available");
}

async function cycle201() {
  const start = told("RequestStartTransaction");
  const stop = told("RequestStopTransaction");
  const boot = { chargingStation: { vendorName: "Strict", model: "One" }, reason: "PowerUp" };
  await tell("booted", await client.call("BootNotification", boot));
  const status = (word) =>
    client.call("StatusNotification", { timestamp: now(), connectorStatus: word, evseId: 1, connectorId: 1 });
  await status("Occupied");
  await tell("ready");
  const { idToken, remoteStartId } = await start;
  await client.call("Authorize", { idToken });
  let seqNo = 0;
  const event = (eventType, triggerReason, wh, more, info) => {
    const register = { value: wh, measurand: "Energy.Active.Import.Register", unitOfMeasure: { unit: "Wh" } };
    return client.call("TransactionEvent", {
      eventType,
      triggerReason,
      timestamp: now(),
      seqNo: seqNo++,
      transactionInfo: { transactionId: "strict-1", ...info },
      meterValue: [{ timestamp: now(), sampledValue: [register] }],
      ...more,
    });
  };
  const begun = await event("Started", "RemoteStart", 1000, { evse: { id: 1, connectorId: 1 }, idToken }, { remoteStartId });
  await tell("begun", { verdict: begun.idTokenInfo.status });
  await event("Updated", "MeterValuePeriodic", 1500, {}, { chargingState: "Charging" });
  await tell("charging", { name: "strict-1" });
  const ordered = await stop;
  if (ordered.transactionId !== "strict-1") fail(`told to stop ${ordered.transactionId}`);
  await event("Ended", "RemoteStop", 2200, {}, { stoppedReason: "Remote" });
  await status("Available");
}

client.handle(({ method }) => {
  throw createRPCError("NotImplemented", method);
});
try {
  await client.connect();
  await { "ocpp1.6": cycle16, "ocpp2.0.1": cycle201 }[protocol]();
  console.log(JSON.stringify({ step: "done" }));
  await client.close();
  process.exit(0);
} catch (error) {
  fail(`${error.rpcErrorCode ?? error.name}: ${error.message} ${JSON.stringify(error.details ?? {})}`);
}
