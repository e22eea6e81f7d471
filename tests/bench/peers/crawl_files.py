"""Images a second and peak memory of a program that downloads a list of URLs into files.

    crawl_files.py wget2|curl|aria2c URLS OUTPUT_FOLDER [CONNECTIONS]

URLS has a URL a line. Each program at the settings in which it is fastest. Prints one JSON line; fails when a picture
is missing.
"""
import json
import os
import resource
import shutil
import subprocess
import sys
import time

program, list_file, output = sys.argv[1:4]
connections = sys.argv[4] if len(sys.argv) > 4 else '200'
if not shutil.which(program):
    sys.exit('%s is missing: apt-get install %s' % (program, program.replace('aria2c', 'aria2')))
with open(list_file) as lines:
    urls = lines.read().split()
os.makedirs(output)
# One name a line: the query is what tells the rounds of a list apart.
names = [url.rsplit('/', 1)[1].replace('?', '.') for url in urls]
own_list = output + '.list'
with open(own_list, 'w') as out:
    for url, name in zip(urls, names):
        if program == 'curl':
            out.write('url = "%s"\noutput = "%s/%s"\n' % (url, output, name))
        elif program == 'aria2c':
            out.write('%s\n  out=%s\n' % (url, name))
        else:
            out.write(url + '\n')
command = {
    'wget2': ['wget2', '-q', '--no-config', '--max-threads=' + connections, '-i', own_list, '-P', output],
    'curl': ['curl', '-q', '-s', '--parallel', '--parallel-max', connections, '--config', own_list],
    'aria2c': ['aria2c', '-q', '--no-conf', '-j', connections, '-i', own_list, '-d', output, '--file-allocation=none',
               '--auto-save-interval=0', '--summary-interval=0'],
}[program]
begun = time.perf_counter()
status = subprocess.run(command, stdout=sys.stderr).returncode
seconds = time.perf_counter() - begun
files = sum(1 for entry in os.scandir(output) if entry.stat().st_size)
peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
shutil.rmtree(output)
if files != len(urls):
    sys.exit('%s: fetched %d of %d, exit status %d' % (program, files, len(urls), status))
print(json.dumps({'images_per_second': round(len(urls) / seconds), 'images': files, 'seconds': round(seconds, 3),
                  'peak_mb': round(peak_mb)}))
