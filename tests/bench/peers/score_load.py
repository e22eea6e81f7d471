"""Loads a peer of score_* by wrk. HTTP takes JSON with a base64 JPEG and a text vector."""
import argparse, base64, json, os, random, re, signal, subprocess, sys, tarfile, tempfile, time, urllib.request

from score_network import TEXT


def milliseconds(text):
    number, unit = re.match(r'([\d.]+)(us|ms|s|m)$', text).groups()
    return round(float(number) * {'us': 1e-3, 'ms': 1, 's': 1e3, 'm': 6e4}[unit], 1)


def load(port, script, callers, seconds):
    out = subprocess.run(['wrk', '-t1', f'-c{callers}', f'-d{seconds}s', '--latency', '--timeout', '30s', '-s', script,
                          f'http://127.0.0.1:{port}'], capture_output=True, text=True, check=True).stdout
    if 'Non-2xx' in out:
        sys.exit('the peer answered with errors:\n' + out)
    return {'requests_per_second': float(re.search(r'Requests/sec:\s+([\d.]+)', out)[1]),
            'p50_ms': milliseconds(re.search(r'\n +50% +(\S+)', out)[1]),
            'p99_ms': milliseconds(re.search(r'\n +99% +(\S+)', out)[1])}


def memory_mb(group):
    """Of all processes of a session, what they share counted once."""
    kilobytes = 0
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            if os.getsid(int(pid)) == group:
                with open(f'/proc/{pid}/smaps_rollup') as rollup:
                    kilobytes += next(int(line.split()[1]) for line in rollup if line.startswith('Pss:'))
        except (OSError, StopIteration):
            pass  # it has ended
    return round(kilobytes / 1024)


def measure(module, description):
    """Serves by `module`.serve, loads it and prints what that gave."""
    arg = argparse.ArgumentParser(description=description)
    arg.add_argument('--images', required=True, help='tar of JPEGs')
    arg.add_argument('--callers', type=int, default=16)
    arg.add_argument('--seconds', type=int, default=8)
    arg.add_argument('--port', type=int, default=8911)
    a = arg.parse_args()
    rng = random.Random(1)
    with tempfile.TemporaryDirectory() as work:
        with tarfile.open(a.images) as tar, open(f'{work}/bodies', 'w') as bodies:
            for member in [m for m in tar if m.isfile()][:200]:
                image = base64.b64encode(tar.extractfile(member).read()).decode()
                bodies.write(json.dumps({'image': image, 'text': [round(rng.gauss(0, 1), 4) for _ in range(TEXT)]}) + '\n')
        with open(f'{work}/post.lua', 'w') as script:
            script.write('''local bodies, i = {}, 0
for line in io.lines("%s/bodies") do bodies[#bodies + 1] = line end
local headers = {["Content-Type"] = "application/json"}
request = function() i = i %% #bodies + 1; return wrk.format("POST", "/predict", headers, bodies[i]) end
''' % work)
        with open(f'{work}/bodies') as bodies:
            first = bodies.readline().encode()
        # A module with a name: LitServe pickles the class into its workers. A session of its own: they outlive
        # their parent, and would disturb what is measured next.
        server = subprocess.Popen([sys.executable, '-c', f'import {module}; {module}.serve({a.port})'],
                                  cwd=os.path.dirname(os.path.abspath(__file__)), start_new_session=True,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _ in range(600):
                if server.poll() is not None:
                    sys.exit(f'{module}: the server ended by itself')
                try:
                    urllib.request.urlopen(urllib.request.Request(f'http://127.0.0.1:{a.port}/predict', first,
                                                                  {'Content-Type': 'application/json'})).read()
                    break
                except OSError:
                    time.sleep(0.2)
            load(a.port, f'{work}/post.lua', a.callers, 3)
            runs = [load(a.port, f'{work}/post.lua', a.callers, a.seconds) for _ in range(3)]
            median = sorted(runs, key=lambda run: run['requests_per_second'])[1]
            print(json.dumps(median | {'memory_mb': memory_mb(server.pid)}))
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
