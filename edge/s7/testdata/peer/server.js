// A PLC with one data block and merkers, served by Snap7.
// usage: node server.js PORT; prints "ready" and ends with its standard input.
'use strict'
const snap7 = require('node-snap7')

const db = Buffer.alloc(120)
db.writeUInt8(0b00001000, 0) // bit 3
db.writeUInt8(200, 1)
db.writeUInt8(201, 2)
db.writeInt8(-5, 3)
db.writeUInt16BE(65000, 4)
db.writeUInt16BE(65001, 6)
db.writeInt16BE(-12345, 8)
db.writeUInt32BE(4000000000, 10)
db.writeUInt32BE(4000000001, 14)
db.writeInt32BE(-2000000000, 18)
db.writeFloatBE(13.45, 22)
db.writeDoubleBE(-1.5e300, 26)
db.writeBigUInt64BE(18446744073709551615n, 34)
db.writeBigUInt64BE(9007199254740993n, 42)
db.writeBigInt64BE(-9007199254740993n, 50)
db.writeUInt8('Z'.charCodeAt(0), 58)
db.writeUInt8(20, 60)
db.writeUInt8(8, 61)
db.write('PET-1L \xfc', 62, 'latin1')
db.writeInt32BE(90061001, 82)
Buffer.from([0x26, 0x11, 0x22, 0x16, 0x54, 0x00, 0x12, 0x31]).copy(db, 86)
db.writeFloatBE(NaN, 94)

const merkers = Buffer.alloc(16)
merkers.writeUInt8(0b10000000, 10)
merkers.writeUInt16BE(4711, 12)

const server = new snap7.S7Server()
server.SetParam(server.LocalPort, parseInt(process.argv[2], 10))
server.RegisterArea(server.srvAreaDB, 1, db)
server.RegisterArea(server.srvAreaMK, merkers)
if (server.StartTo('127.0.0.1') === false) {
  console.error('cannot listen:', server.ErrorText(server.LastError()))
  process.exit(1)
}
console.log('ready')
process.stdin.resume()
process.stdin.on('end', () => { server.Stop(); process.exit(0) })
