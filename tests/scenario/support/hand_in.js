// hand_in.js KIND PORT AUTHORITY RECIPIENT FILE: hands in a message to relay.test with nodemailer.
const files = require('fs');
const nodemailer = require('/usr/share/nodejs/nodemailer');  // where Debian installs it

const [kind, port, authority, recipient, path] = process.argv.slice(2);
const transport = nodemailer.createTransport({
  host: '127.0.0.1',
  port: Number(port),
  secure: kind === 'implicit',
  requireTLS: kind.includes('starttls'),
  ignoreTLS: kind === 'none',
  tls: {servername: 'relay.test', ca: files.readFileSync(authority)},
});
const envelope = {from: 'a@sender.test', to: [recipient]};
transport.sendMail({envelope, raw: files.readFileSync(path)}, (error) => {
  if (error) console.error(error);
  process.exitCode = error ? 1 : 0;
});
