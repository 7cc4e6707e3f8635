// An OPC UA server with one variable of each type and some that count.
// usage: node server.js FOLDER [COUNTERS]; prints "ready PORT FILE" (its
// certificate) and ends with its standard input. A line there is a command:
//   start MS      let every counter go up by one each MS milliseconds
//   stop          stop them; prints {"written": values of each, "requests": by kind}
'use strict'
const path = require('path')
const readline = require('readline')
const ua = require('node-opcua')

const folder = process.argv[2]
const counters = parseInt(process.argv[3] || '0', 10)
const requests = {}
const written = []

// Every type, as the test expects it. A row is name, type, value, status.
const rows = [
  ['Boolean', 'Boolean', true],
  ['SByte', 'SByte', -128],
  ['Byte', 'Byte', 255],
  ['Int16', 'Int16', -32768],
  ['UInt16', 'UInt16', 65535],
  ['Int32', 'Int32', -2147483648],
  ['UInt32', 'UInt32', 4294967295],
  ['Int64', 'Int64', [0x80000000, 0x00000001]],
  ['UInt64', 'UInt64', [0xffffffff, 0xffffffff]],
  ['Float', 'Float', 13.45],
  ['Double', 'Double', -1.5e300],
  ['String', 'String', 'PET-1L \u00fc'],
  ['DateTime', 'DateTime', new Date(Date.UTC(2026, 10, 22, 16, 54, 0, 123))],
  ['Guid', 'Guid', '09087e75-8e5e-499b-954f-f2a9603db28a'],
  ['ByteString', 'ByteString', Buffer.from([0, 1, 254, 255])],
  ['LocalizedText', 'LocalizedText', ua.coerceLocalizedText('F\u00fcller')],
  ['QualifiedName', 'QualifiedName', ua.coerceQualifiedName('1:Speed')],
  ['NotANumber', 'Double', NaN],
  ['Infinite', 'Float', Infinity],
  ['Uncertain', 'Double', 4.5, ua.StatusCodes.UncertainLastUsableValue],
  ['Bad', 'Double', 4.5, ua.StatusCodes.BadDeviceFailure],
]

function addTypes (namespace, device) {
  for (const [name, dataType, value, status] of rows) {
    const v = namespace.addVariable({
      componentOf: device, browseName: name, nodeId: 's=' + name, dataType,
      value: { dataType: ua.DataType[dataType], arrayType: ua.VariantArrayType.Scalar, value }
    })
    if (status) v.setValueFromSource({ dataType: ua.DataType[dataType], arrayType: ua.VariantArrayType.Scalar, value }, status)
  }
  namespace.addVariable({
    componentOf: device, browseName: 'Array', nodeId: 's=Array', dataType: 'Double', valueRank: 1, arrayDimensions: [3],
    value: { dataType: ua.DataType.Double, arrayType: ua.VariantArrayType.Array, value: new Float64Array([1, 2, 3]) }
  })
  namespace.addVariable({
    componentOf: device, browseName: 'Structure', nodeId: 's=Structure', dataType: 'Range',
    value: { dataType: ua.DataType.ExtensionObject, value: new ua.Range({ low: 1, high: 2 }) }
  })
}

function addCounters (namespace, device) {
  for (let i = 0; i < counters; i++) {
    const v = namespace.addVariable({
      componentOf: device, browseName: 'C' + i, nodeId: 's=C' + i, dataType: 'UInt32', minimumSamplingInterval: 0,
      value: { dataType: ua.DataType.UInt32, value: 0 }
    })
    written.push({ variable: v, values: [0] })
  }
}

let timer
function command (line) {
  const [word, arg] = line.split(' ')
  if (word === 'start') {
    timer = setInterval(() => {
      for (const w of written) {
        const next = w.values[w.values.length - 1] + 1
        w.values.push(next)
        w.variable.setValueFromSource({ dataType: ua.DataType.UInt32, value: next })
      }
    }, parseInt(arg, 10))
  } else if (word === 'stop') {
    clearInterval(timer)
    console.log(JSON.stringify({ written: written.map(w => w.values), requests }))
  }
}

async function main () {
  const manager = new ua.OPCUACertificateManager({ rootFolder: path.join(folder, 'pki'), automaticallyAcceptUnknownCertificate: true })
  await manager.initialize()
  const server = new ua.OPCUAServer({
    port: 0, hostname: '127.0.0.1', resourcePath: '/UA/Line', serverCertificateManager: manager,
    securityModes: [ua.MessageSecurityMode.None, ua.MessageSecurityMode.Sign, ua.MessageSecurityMode.SignAndEncrypt],
    securityPolicies: [ua.SecurityPolicy.None, ua.SecurityPolicy.Basic256Sha256, ua.SecurityPolicy.Aes128_Sha256_RsaOaep, ua.SecurityPolicy.Aes256_Sha256_RsaPss],
    allowAnonymous: true,
    userManager: { isValidUser: (user, password) => user === 'line' && password === 'secret \u00fc' },
    registerServerMethod: ua.RegisterServerMethod.HIDDEN,
    serverCapabilities: { maxSessions: 20, operationLimits: { maxMonitoredItemsPerCall: 10 } }
  })
  await server.initialize()
  server.on('request', r => {
    const kind = r.constructor.name
    requests[kind] = (requests[kind] || 0) + 1
  })
  const namespace = server.engine.addressSpace.registerNamespace('urn:line')
  const device = namespace.addObject({ organizedBy: server.engine.addressSpace.rootFolder.objects, browseName: 'Line' })
  addTypes(namespace, device)
  addCounters(namespace, device)
  await server.start()
  console.log('ready ' + server.endpoints[0].port + ' ' + server.certificateFile)
  readline.createInterface({ input: process.stdin }).on('line', command).on('close', async () => {
    await server.shutdown(0)
    process.exit(0)
  })
}

main().catch(err => {
  console.error(err)
  process.exit(1)
})
