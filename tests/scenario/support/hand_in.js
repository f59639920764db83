// hand_in.js AUTHORITY FILE [KIND PORT RECIPIENT]...: hands in the message of FILE to each listener of relay.test with
// nodemailer.
const files = require('fs');
const nodemailer = require('/usr/share/nodejs/nodemailer');  // where Debian installs it

const [authority, path, ...listeners] = process.argv.slice(2);

async function handIn(kind, port, recipient) {
  const transport = nodemailer.createTransport({
    host: '127.0.0.1',
    port: Number(port),
    secure: kind === 'implicit',
    requireTLS: kind.includes('starttls'),
    ignoreTLS: kind === 'none',
    tls: {servername: 'relay.test', ca: files.readFileSync(authority)},
  });
  await transport.sendMail({envelope: {from: 'a@sender.test', to: [recipient]}, raw: files.readFileSync(path)});
}

async function main() {
  while (listeners.length > 0) await handIn(...listeners.splice(0, 3));
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
