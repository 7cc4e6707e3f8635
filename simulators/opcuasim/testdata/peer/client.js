// Looks around on an OPC UA server and prints what it finds as one JSON object,
// then subscribes to a counter and prints every value that it is given, until
// the last is there. Signs and encrypts.
// Usage: node client.js ENDPOINT FOLDER COUNTER LAST CERTIFICATES
const opcua = require('node-opcua-client');
const { OPCUACertificateManager } = require('node-opcua-certificate-manager');

const [endpoint, folder, counter, last, certificates] = process.argv.slice(2);

async function main() {
  const client = opcua.OPCUAClient.create({
    securityMode: opcua.MessageSecurityMode.SignAndEncrypt,
    securityPolicy: opcua.SecurityPolicy.Basic256Sha256,
    clientCertificateManager: new OPCUACertificateManager({
      rootFolder: certificates, automaticallyAcceptUnknownCertificate: true,
    }),
    connectionStrategy: { initialDelay: 50, maxDelay: 200, maxRetry: 100 },
    keepSessionAlive: true,
    keepAliveInterval: 1000,
    requestedSessionTimeout: 30000,
    defaultTransactionTimeout: 3000,
  });
  await client.connect(endpoint);
  const session = await client.createSession();

  const found = await session.browse({ nodeId: folder, referenceTypeId: 'HasComponent', includeSubtypes: true, browseDirection: 0, resultMask: 63 });
  const values = {};
  for (const r of found.references) {
    const v = await session.read({ nodeId: r.nodeId, attributeId: opcua.AttributeIds.Value });
    values[r.browseName.name] = {
      type: opcua.DataType[v.value.dataType], value: String(big(v.value.value)),
      at: v.sourceTimestamp.toISOString(),
    };
  }
  console.log(JSON.stringify(values));

  const subscription = await session.createSubscription2({
    requestedPublishingInterval: 50, requestedLifetimeCount: 1000, requestedMaxKeepAliveCount: 10,
    maxNotificationsPerPublish: 0, publishingEnabled: true, priority: 1,
  });
  const item = await subscription.monitor(
    { nodeId: counter, attributeId: opcua.AttributeIds.Value },
    { samplingInterval: 0, queueSize: 1000, discardOldest: true }, opcua.TimestampsToReturn.Both);
  await new Promise((done) => item.on('changed', (v) => {
    console.log(String(big(v.value.value)));
    if (String(big(v.value.value)) === last) done();
  }));
  await session.close(true);
  await client.disconnect();
  process.exit(0);
}

// An Int64 comes as [high, low].
function big(v) { return Array.isArray(v) ? BigInt.asIntN(64, (BigInt(v[0]) << 32n) | BigInt(v[1] >>> 0)) : v; }

function fail(e) {
  console.error(String(e && e.stack || e));
  process.exit(1);
}

setTimeout(() => fail(new Error('not done within 40 s')), 40000);
main().catch(fail);
