// Reads addresses from an S7 PLC and prints their values as one JSON object.
// Usage: node read.js PORT ADDRESS...
const { S7Endpoint, S7ItemGroup } = require('@st-one-io/nodes7');

const [port, ...addresses] = process.argv.slice(2);

async function main() {
  const plc = new S7Endpoint({ host: '127.0.0.1', port: Number(port), rack: 0, slot: 1, autoReconnect: 0 });
  plc.on('error', fail);
  await plc.connect();
  const group = new S7ItemGroup(plc);
  group.addItems(addresses);
  const values = await group.readAllItems();
  await plc.disconnect();
  console.log(JSON.stringify({ pdu: plc.pduSize, values }));
  process.exit(0);
}

function fail(e) {
  console.error(String(e && e.stack || e));
  process.exit(1);
}

setTimeout(() => fail(new Error('no answer within 8 s')), 8000);
main().catch(fail);
