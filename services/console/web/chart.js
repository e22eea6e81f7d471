// Two lines over steps: by Chart.js when the console was built with it, else as plain lines
// on a canvas.
//
//   const plot = await newPlot(canvas, ['Generator', 'Discriminator']);
//   plot.add([[step, 0.7, 0.3], ...]);

const COLORS = ['#2f7d63', '#c8763a'];
let loading;

function loadChartJs() {
  loading ||= new Promise((resolve) => {
    const script = document.createElement('script');
    script.src = '/chart.min.js';
    script.onload = () => resolve(globalThis.Chart);
    script.onerror = () => resolve(undefined);
    document.head.append(script);
  });
  return loading;
}

// `twoScales`: the second line has a scale of its own, from 0 to 100, on the right.
export async function newPlot(canvas, names, { twoScales = false } = {}) {
  const Chart = await loadChartJs();
  return Chart ? chartJsPlot(Chart, canvas, names, twoScales) : plainPlot(canvas);
}

function chartJsPlot(Chart, canvas, names, twoScales) {
  const style = getComputedStyle(canvas);
  const ink = style.getPropertyValue('--quiet').trim();
  const rule = style.getPropertyValue('--line').trim();
  const axis = (title) => ({ type: 'linear', title: { display: Boolean(title), text: title, color: ink }, ticks: { color: ink, maxTicksLimit: 6 }, grid: { color: rule } });
  const chart = new Chart(canvas, {
    type: 'line',
    data: { datasets: names.map((label, i) => ({ label, data: [], borderColor: COLORS[i], backgroundColor: COLORS[i], borderWidth: 2, pointRadius: 0, tension: 0.2, yAxisID: twoScales && i ? 'right' : 'y' })) },
    options: {
      animation: false, responsive: true, maintainAspectRatio: false, parsing: false,
      interaction: { mode: 'index', intersect: false },
      scales: { x: axis(), y: axis(), ...(twoScales && { right: { ...axis(), position: 'right', min: 0, max: 100, grid: { display: false } } }) },
      plugins: { legend: { labels: { color: ink, boxWidth: 12, boxHeight: 2 } } },
    },
  });
  return {
    add(rows) {
      for (const [step, ...values] of rows) values.forEach((y, i) => { if (Number.isFinite(y)) chart.data.datasets[i].data.push({ x: step, y }); });
      chart.update('none');
    },
    destroy: () => chart.destroy(),
  };
}

function plainPlot(canvas) {
  const points = [[], []];
  function draw() {
    canvas.width = canvas.clientWidth * devicePixelRatio;
    canvas.height = canvas.clientHeight * devicePixelRatio;
    const pen = canvas.getContext('2d');
    const all = points.flat();
    const [x0, x1] = [Math.min(...all.map((p) => p[0])), Math.max(...all.map((p) => p[0]))];
    const top = Math.max(...all.map((p) => p[1])) || 1;
    points.forEach((line, i) => {
      pen.strokeStyle = COLORS[i];
      pen.lineWidth = 2 * devicePixelRatio;
      pen.beginPath();
      for (const [x, y] of line) pen.lineTo(((x - x0) / (x1 - x0 || 1)) * canvas.width, canvas.height * (1 - (y / top) * 0.95));
      pen.stroke();
    });
  }
  return {
    add(rows) {
      for (const [step, ...values] of rows) values.forEach((y, i) => { if (Number.isFinite(y)) points[i].push([step, y]); });
      draw();
    },
    destroy() {},
  };
}
