"""Images a second of img2dataset over a folder that HOST:PORT serves, the list TIMES times over.

    crawl_img2dataset.py FOLDER_OF_PICTURES HOST:PORT OUTPUT_FOLDER [TIMES]

At its fastest: two processes of 16 threads, files, no resize, no re-encoding, no hash. Prints one number.
"""
import glob
import os
import subprocess
import sys
import time

pictures, host, output = sys.argv[1:4]
times = int(sys.argv[4]) if len(sys.argv) > 4 else 1
names = sorted(os.listdir(pictures)) * times
urls = output + '.urls.txt'
with open(urls, 'w') as out:
    out.writelines('http://%s/%s\n' % (host, name) for name in names)
command = [os.path.join(os.path.dirname(sys.executable), 'img2dataset'), '--url_list', urls, '--output_folder', output,
           '--output_format', 'files', '--processes_count', '2', '--thread_count', '16', '--resize_mode', 'no',
           '--disable_all_reencoding', 'True', '--number_sample_per_shard', str(-(-len(names) // 2)),
           '--compute_hash', 'None', '--retries', '0', '--timeout', '10']
begun = time.perf_counter()
subprocess.run(command, check=True, stdout=sys.stderr)
seconds = time.perf_counter() - begun
got = len(glob.glob(output + '/*/*.jpg'))
if got != len(names):
    sys.exit('img2dataset fetched %d of %d' % (got, len(names)))
print(round(len(names) / seconds))
