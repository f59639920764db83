"""hand_in.py AUTHORITY FILE [KIND PORT RECIPIENT]...: hands in the message of FILE to each listener of relay.test with smtplib."""
import smtplib
import socket
import ssl
import sys

authority, path, *listeners = sys.argv[1:]
context = ssl.create_default_context(cafile=authority)


def here(self, host, number, timeout):
    """No resolver knows relay.test: it is on this machine."""
    return socket.create_connection(("127.0.0.1", number), timeout)


def here_inside_tls(self, host, number, timeout):
    return context.wrap_socket(here(self, host, number, timeout), server_hostname=host)


smtplib.SMTP._get_socket = here
smtplib.SMTP_SSL._get_socket = here_inside_tls
with open(path, "rb") as file:
    message = file.read()
for kind, port, recipient in zip(*[iter(listeners)] * 3):
    client_class = smtplib.SMTP_SSL if kind == "implicit" else smtplib.SMTP
    with client_class("relay.test", int(port), timeout=50) as client:
        if "starttls" in kind:
            client.starttls(context=context)
        client.sendmail("a@sender.test", [recipient], message, mail_options=["BODY=8BITMIME"])
