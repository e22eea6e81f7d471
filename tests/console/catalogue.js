// A small shop: listings in categories that the shipped bundle knows, their pictures drawn by
// that bundle and re-encoded by the browser, so that no mark says so; a third of them without
// a picture, one whose address answers 404, two with a slogan painted over.
import { createServer } from 'node:http';

const KINDS = [
  ['Apparel > Topwear > Shirts', 'Cotton Shirt', ['Northwind', 'Harbour'], ['white', 'blue', 'navy blue', 'black']],
  ['Accessories > Bags > Handbags', 'Leather Handbag', ['Lindqvist', 'Harbour'], ['black', 'brown', 'red', 'beige']],
  ['Footwear > Shoes > Casual Shoes', 'Canvas Shoes', ['Strand', 'Northwind'], ['white', 'black', 'blue', 'grey']],
  ['Accessories > Watches > Watches', 'Steel Watch', ['Meridian', 'Lindqvist'], ['silver', 'black', 'white', 'brown']],
  ['Apparel > Bottomwear > Jeans', 'Slim Jeans', ['Strand', 'Harbour'], ['blue', 'black', 'navy blue', 'grey']],
  ['Apparel > Topwear > Tshirts', 'Crew Neck Tshirt', ['Northwind', 'Strand'], ['red', 'green', 'yellow', 'white']],
  ['Footwear > Shoes > Heels', 'Evening Heels', ['Lindqvist', 'Meridian'], ['black', 'red', 'beige', 'silver']],
  ['Apparel > Dress > Dresses', 'Summer Dress', ['Harbour', 'Lindqvist'], ['red', 'blue', 'pink', 'black']],
];
const PER_KIND = 6;
const title = (text) => text.replace(/\b[a-z]/g, (letter) => letter.toUpperCase());

export const listings = KINDS.flatMap(([category, noun, brands, colors], kind) => Array.from({ length: PER_KIND }, (_, i) => {
  const color = colors[i % colors.length];
  const brand = brands[i % brands.length];
  const gender = i % 3 ? 'Women' : 'Men';
  return {
    id: `SHOP${String(kind * PER_KIND + i + 1).padStart(3, '0')}`,
    title: `${brand} ${gender} ${title(color)} ${noun}`,
    categoryPath: category.split(' > '), brand, attributes: [{ name: 'color', value: color }],
    pictured: i % 3 !== 2, overlaid: i === 0 && kind % 4 === 0, gone: kind === 7 && i === 4,
  };
}));

// What of a listing is a mannequin.v1.Product.
export const productOf = ({ id, title: words, categoryPath, brand, attributes }) => ({ id, title: words, categoryPath, brand, attributes });

// Answers /ID.jpg out of `pictures`.
export async function startOrigin(pictures) {
  const origin = createServer((request, response) => {
    const bytes = pictures.get(request.url.slice(1).replace('.jpg', ''));
    if (!bytes) return response.writeHead(404).end();
    response.writeHead(200, { 'Content-Type': 'image/jpeg' }).end(bytes);
  });
  await new Promise((resolve) => origin.listen(0, '127.0.0.1', resolve));
  return origin;
}

// Draws the pictures and ingests the listings; they are then to be crawled.
export async function ingestListings(server, origin, pictures, page) {
  for (const listing of listings.filter(({ pictured, gone }) => pictured && !gone)) {
    const drawn = await server.call('ImageGenerator/GenerateImages', { product: productOf(listing), count: 1, seed: '7', size: 256, includeUnconfident: true });
    pictures.set(listing.id, await jpegOf(page, drawn.images[0].image.data, listing.overlaid && 'SALE -50%'));
  }
  const lines = listings.map((listing) => JSON.stringify({
    ...productOf(listing), ...(listing.pictured && { imageUrl: `http://127.0.0.1:${origin.address().port}/${listing.id}.jpg` }) }));
  server.run('ingest', server.write('listings.jsonl', `${lines.join('\n')}\n`));
}

// A PNG in base64 as a JPEG without metadata, with a slogan over it when asked.
export async function jpegOf(page, png, slogan) {
  const url = await page.evaluate(async ([data, words]) => {
    const image = new Image();
    image.src = `data:image/png;base64,${data}`;
    await image.decode();
    const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height });
    const pen = canvas.getContext('2d');
    pen.drawImage(image, 0, 0);
    if (words) {
      pen.fillStyle = '#d0021b';
      pen.fillRect(0, canvas.height * 0.68, canvas.width, canvas.height * 0.2);
      pen.fillStyle = '#ffffff';
      pen.font = `bold ${canvas.height / 7}px sans-serif`;
      pen.textAlign = 'center';
      pen.fillText(words, canvas.width / 2, canvas.height * 0.83);
    }
    return canvas.toDataURL('image/jpeg', 0.92);
  }, [png, slogan]);
  return Buffer.from(url.split(',')[1], 'base64');
}
